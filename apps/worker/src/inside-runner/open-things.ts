import dgram from 'node:dgram';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import type { StrayKind } from '@flux/contracts';

/** The fewest things of an owner that are looked through for those that are closed. */
const LOOK_AT = 64;

interface Thing {
  readonly kind: StrayKind;
  /** Whether it still would keep a program going that had nothing else to do. */
  isOpen(): boolean;
}

interface OwnThings {
  all: Thing[];
  /** How many there may be before closed ones are left out. */
  lookAt: number;
}

/** What Node keeps of a timer, a socket and a server, which its types leave out. */
interface Timer {
  readonly _destroyed?: boolean;
  hasRef(): boolean;
}
interface WithHandle {
  readonly _handle?: { hasRef?(): boolean } | null;
}

/**
 * Knows the timers, sockets, servers and file watchers that code begins, by whose code it is. Node's own functions are
 * replaced once, for all modules that are loaded later: hooks of all asynchronous resources would cost every promise.
 */
export class OpenThings {
  readonly #ownerOf: () => object | undefined;
  readonly #things = new WeakMap<object, OwnThings>();

  /** @param ownerOf whose code runs now; `undefined`: nobody's */
  constructor(ownerOf: () => object | undefined) {
    this.#ownerOf = ownerOf;
  }

  /** Replaces Node's functions. Call it once, before other modules are loaded. */
  watch(): void {
    this.#watchTimers();
    this.#watchSockets();
    this.#watchFiles();
    syncBuiltinESMExports();
  }

  /** The things of an owner that are open, by their kind. */
  openOf(owner: object): ReadonlyMap<StrayKind, number> {
    const counts = new Map<StrayKind, number>();
    for (const thing of this.#things.get(owner)?.all ?? []) {
      if (thing.isOpen()) counts.set(thing.kind, (counts.get(thing.kind) ?? 0) + 1);
    }
    return counts;
  }

  /** @param create makes what is to be known, where somebody's code runs */
  #note(create: () => Thing): void {
    const owner = this.#ownerOf();
    if (!owner) return;
    const things = this.#things.get(owner) ?? { all: [], lookAt: LOOK_AT };
    this.#things.set(owner, things);
    things.all.push(create());
    if (things.all.length < things.lookAt) return;
    things.all = things.all.filter((thing) => thing.isOpen());
    things.lookAt = Math.max(LOOK_AT, 2 * things.all.length);
  }

  #watchTimers(): void {
    for (const name of ['setTimeout', 'setInterval'] as const) {
      look(timers, name, (timer: Timer) => {
        this.#note(() => ({ kind: 'timer', isOpen: () => timer._destroyed !== true && timer.hasRef() }));
      });
      Reflect.set(globalThis, name, timers[name]);
    }
    look(timersPromises, 'setTimeout', (over: Promise<unknown>, [, , options]) => {
      if ((options as { readonly ref?: boolean } | undefined)?.ref === false) return;
      this.#note(() => ({ kind: 'timer', isOpen: openUntil((close) => void over.then(close, close)) }));
    });
  }

  #watchSockets(): void {
    look(net.Socket.prototype, 'connect', (socket: net.Socket) => {
      this.#note(() => ({ kind: 'socket', isOpen: () => !socket.destroyed && isHeld(socket) }));
    });
    look(net.Server.prototype, 'listen', (server: net.Server) => {
      this.#note(() => {
        const isOpen = openUntil((close) => server.once('close', close));
        return { kind: 'server', isOpen: () => isOpen() && isHeld(server) };
      });
    });
    look(dgram.Socket.prototype, 'bind', (socket: dgram.Socket) => {
      this.#note(() => ({ kind: 'socket', isOpen: openUntil((close) => socket.once('close', close)) }));
    });
  }

  #watchFiles(): void {
    look(fs, 'watch', (watcher: fs.FSWatcher) => {
      this.#note(() => ({ kind: 'watcher', isOpen: openUntil((close) => watcher.once('close', close)) }));
    });
    look(fs, 'watchFile', (watcher: fs.StatWatcher) => {
      this.#note(() => ({ kind: 'watcher', isOpen: openUntil((close) => watcher.once('stop', close)) }));
    });
  }
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Has the results of a function of Node's looked at; the function stays as it was in all else. */
function look<Result>(
  target: object,
  name: string,
  onResult: (result: Result, args: readonly unknown[]) => void,
): void {
  const functions = target as Record<string, AnyFunction>;
  const original = functions[name] as AnyFunction;
  const replacement: AnyFunction = function (...args) {
    const result = Reflect.apply(original, this, args) as Result;
    onResult(result, args);
    return result;
  };
  functions[name] = Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original));
}

function openUntil(onClose: (close: () => void) => void): () => boolean {
  let isOpen = true;
  onClose(() => (isOpen = false));
  return () => isOpen;
}

/** Idle connections of agents and pools, which hold no program, are no strays. */
function isHeld(thing: object): boolean {
  return (thing as WithHandle)._handle?.hasRef?.() ?? true;
}
