import type { Task } from './task.js';

/** `ctx.pipeline`, typed for up to eight stages: the output of each is the input of the next. */
export interface Pipeline {
  <A, B>(input: A, stages: readonly [Task<A, B>]): Promise<B>;
  <A, B, C>(input: A, stages: readonly [Task<A, B>, Task<B, C>]): Promise<C>;
  <A, B, C, D>(input: A, stages: readonly [Task<A, B>, Task<B, C>, Task<C, D>]): Promise<D>;
  <A, B, C, D, E>(input: A, stages: readonly [Task<A, B>, Task<B, C>, Task<C, D>, Task<D, E>]): Promise<E>;
  <A, B, C, D, E, F>(
    input: A,
    stages: readonly [Task<A, B>, Task<B, C>, Task<C, D>, Task<D, E>, Task<E, F>],
  ): Promise<F>;
  <A, B, C, D, E, F, G>(
    input: A,
    stages: readonly [Task<A, B>, Task<B, C>, Task<C, D>, Task<D, E>, Task<E, F>, Task<F, G>],
  ): Promise<G>;
  <A, B, C, D, E, F, G, H>(
    input: A,
    stages: readonly [Task<A, B>, Task<B, C>, Task<C, D>, Task<D, E>, Task<E, F>, Task<F, G>, Task<G, H>],
  ): Promise<H>;
  <A, B, C, D, E, F, G, H, I>(
    input: A,
    stages: readonly [
      Task<A, B>,
      Task<B, C>,
      Task<C, D>,
      Task<D, E>,
      Task<E, F>,
      Task<F, G>,
      Task<G, H>,
      Task<H, I>,
    ],
  ): Promise<I>;
}
