import type { EventResource, ExecutionResource } from '@flux/contracts';
import { FluxError, type ExecutionState } from '@flux/domain';
import { SyncWait, type Core } from '@flux/api/testing';
import { breaks, counted, kindOf, silences } from './kinds.js';
import type { Mutant } from './mutants.js';
import type { Command, Program, Start } from './program.js';
import { GRACE_MS, LEASE_MS } from './simulated-api.js';
import { OUT_OF_MEMORY } from './simulated-worker.js';
import { Simulation } from './simulation.js';
import { Tally } from './tally.js';
import type { Answer, Row } from './truth.js';
import type { Choose, World } from './world.js';

const WORKFLOW = 'model';
const MOST_STARTED = 5;
const WARM_MS = 200;
/** The uptime after which the api judges workers by its pings. */
const SETTLED_MS = 3_300;
/** The time within which everything that is not cancelled ends, or pauses, once nothing is broken any more. */
const SETTLE_MS = 90_000;
/** The time from a cancel to its end, whatever had died; any process that is cut off is back by then. */
const CANCEL_BOUND_MS = GRACE_MS + LEASE_MS + 5_000;
/** How far past its timeout an answer may come. */
const SYNC_LATE_MS = 250;

/** The errors that processes log when misfortune befalls them. */
const EXPECTED_ERRORS = [
  'no word from the broker for ',
  'a runner found that its time was up',
  'no heartbeat got through for a whole lease',
  `a runner died: Error: ${OUT_OF_MEMORY}`,
];

export interface Outcome {
  readonly faults: readonly string[];
  readonly story: readonly string[];
  readonly tally: Tally;
  readonly virtualMs: number;
}

/** Plays a program in a world of its own, to the end of all that it started, and says what was wrong. */
export async function play(world: World, program: Program, mutant?: Mutant): Promise<Outcome> {
  return new Player(world, program, mutant).play();
}

/** An answer that need not share its memory. */
const UNSHARED = { patient: true, hold: async () => undefined, release: () => undefined };

/** The status as REST answers it. */
async function statusOf({ executions }: Core, id: string, detailed: boolean): Promise<ExecutionResource> {
  const pieces = executions.status(WORKFLOW, id, detailed, UNSHARED);
  for (let text = ''; ;) {
    const { done, value } = await pieces.next();
    text += value;
    if (done) return JSON.parse(text) as ExecutionResource;
  }
}

class Player {
  readonly simulation: Simulation;
  readonly #tally = new Tally();
  readonly #started: string[] = [];
  readonly #choose: Choose;
  readonly #beginning: number;

  constructor(
    private readonly world: World,
    private readonly program: Program,
    mutant?: Mutant,
  ) {
    this.simulation = new Simulation(world, this.#tally, mutant);
    this.#beginning = world.now;
    const { picks } = program;
    let next = 0;
    this.#choose =
      picks.length === 0
        ? () => 0
        : (count) => ((next += 1), (picks[(next - 1) % picks.length] ?? 0) % count);
  }

  async play(): Promise<Outcome> {
    const { truth } = this.simulation;
    truth.isCalm = !this.program.commands.some(breaks);
    truth.mayBeSilent = this.program.commands.some(silences);
    await this.#elapse(this.program.settled ? SETTLED_MS : WARM_MS);
    for (const command of this.program.commands) {
      truth.tell(JSON.stringify(command));
      const took = await this.#perform(command);
      this.#tally.add(`${counted.command(kindOf(command))}${took === false ? ' (nothing to do)' : ''}`);
    }
    await this.#finish();
    const { faults, story } = truth;
    return { faults, story, tally: this.#tally, virtualMs: this.world.now - this.#beginning };
  }

  async #perform(command: Command): Promise<boolean | void> {
    const { simulation } = this;
    switch (command.do) {
      case 'start':
        return this.#start(command);
      case 'cancel':
      case 'cancel later':
      case 'undo':
      case 'pause':
      case 'resume':
      case 'status':
        return this.#request(command);
      case 'elapse':
        return this.#elapse(command.ms);
      case 'mishap':
        return simulation.broker.plan(command);
      case 'kill':
        return simulation.kill(command.place);
      case 'restart':
        return simulation.restart(command.place);
      case 'close':
        return simulation.close(command.place);
      case 'freeze':
      case 'thaw':
        return simulation.freeze(command.place, command.do === 'freeze');
      case 'break runner':
        return simulation.breakRunner(command.place);
      case 'mute':
        return simulation.mute(command.place);
      case 'restart broker':
        return simulation.restartBroker();
      case 'reset link':
        return simulation.resetLink(command.place);
      case 'stall link':
        return simulation.stallLink(command.place, command.ms);
      case 'cut link':
        return simulation.cutLink(command.place, command.brokerMs, command.processMs);
      case 'fail database':
      case 'crash api':
        return simulation.failDatabase(command);
    }
  }

  #start({ script }: Start): boolean {
    const number = this.#started.length;
    if (number === MOST_STARTED) return false;
    const executionId = `01926a3e-0000-7000-8000-00000000000${number}`;
    this.#started.push(executionId);
    this.simulation.truth.name(executionId, String(number));
    const command = { workflowName: WORKFLOW, executionId, input: script, labels: {}, requestedBy: 'model' };
    const rest = { idempotencyKey: undefined, timeoutMs: undefined };
    this.#ask((core) => core.executions.start({ ...command, ...rest }));
    return true;
  }

  #request(command: Extract<Command, { readonly of: number }>): boolean {
    const executionId = this.#idOf(command.of);
    if (executionId === undefined) return false;
    const wish = { workflowName: WORKFLOW, executionId, requestedBy: 'model', reason: null };
    switch (command.do) {
      case 'pause':
        this.#ask((core) => core.executions.pause(wish));
        break;
      case 'resume':
        this.#ask((core) => core.executions.resume({ ...wish, input: null }));
        break;
      case 'status':
        this.#note('status', executionId, (core) => statusOf(core, executionId, false));
        break;
      case 'undo':
        this.#note('undo', executionId, (core) => core.executions.undoCancel(wish));
        break;
      case 'cancel later':
        this.#ask((core) =>
          core.executions.cancel({
            ...wish,
            force: false,
            gracePeriodMs: undefined,
            delayMs: command.delayMs,
          }),
        );
        break;
      case 'cancel':
        this.#cancel(executionId, command.force, command.syncMs);
    }
    return true;
  }

  #cancel(executionId: string, force: boolean, syncMs: number | null): void {
    const wish = { workflowName: WORKFLOW, executionId, requestedBy: 'model', reason: null, force };
    const cancel = (core: Core): Promise<ExecutionResource> =>
      core.executions.cancel({ ...wish, gracePeriodMs: undefined });
    if (syncMs === null) return this.#note('cancel', executionId, cancel);
    // The answer is made as REST makes it.
    this.#note(
      'sync cancel',
      executionId,
      async (core) => {
        const wait = new SyncWait(core.executions, syncMs);
        return wait.forEnd(await wait.forChange(cancel(core)), new AbortController().signal);
      },
      syncMs + SYNC_LATE_MS,
    );
  }

  #idOf(of: number): string | undefined {
    const known = this.simulation.truth.executions().map(({ id }) => id);
    const ids = [...new Set([...this.#started, ...known])];
    return ids[of % ids.length];
  }

  #ask(ask: (core: Core) => Promise<unknown>): void {
    this.simulation.ask(ask, (answer) => {
      answer.catch((error: unknown) => {
        if (!(error instanceof FluxError)) this.simulation.truth.fault(`a request failed: ${String(error)}`);
      });
    });
  }

  #note(
    what: Answer['what'],
    executionId: string,
    ask: (core: Core) => Promise<ExecutionResource>,
    limitMs = Number.POSITIVE_INFINITY,
  ): void {
    const { truth } = this.simulation;
    const askedAt = this.world.now;
    let arrivedAt = askedAt;
    const note = (state: ExecutionState, accepted: boolean): void => {
      const tookMs = this.world.now - arrivedAt;
      if (tookMs > limitMs) truth.fault(`${truth.name(executionId)}: ${what} took ${tookMs} ms`);
      truth.answer({ what, executionId, state, accepted, askedAt });
    };
    const arriving = (core: Core): Promise<ExecutionResource> => {
      arrivedAt = this.world.now;
      return ask(core);
    };
    this.simulation.ask(arriving, (answer) => {
      answer.then(
        ({ state }) => note(state, true),
        (error: unknown) => this.#refused(what, error, note),
      );
    });
  }

  #refused(
    what: Answer['what'],
    error: unknown,
    note: (state: ExecutionState, accepted: boolean) => void,
  ): void {
    const { code, details } = error as FluxError;
    const state = details?.state as ExecutionState | undefined;
    if (state !== undefined) note(state, false);
    else if (code !== 'DATABASE_UNAVAILABLE' && code !== 'EXECUTION_NOT_FOUND') {
      this.simulation.truth.fault(`${what} failed: ${String(error)}`);
    }
  }

  /** Lets time pass, with whatever happens in it. */
  async #elapse(ms: number): Promise<void> {
    const until = this.world.now + ms;
    for (;;) {
      const step = this.world.step(this.#choose, until);
      if (step === false) return;
      if (step !== true) await step;
    }
  }

  /** Repairs all that is broken, lets everything end, and sees what was wrong about it. */
  async #finish(): Promise<void> {
    const { simulation } = this;
    const { truth } = simulation;
    simulation.repair();
    truth.mendedAt = this.world.now;
    const cancelling = new Set(truth.open().flatMap(({ id, state }) => (state === 'CANCELLING' ? [id] : [])));
    const late = (): Row[] =>
      truth.open().filter(({ id, state }) => state === 'CANCELLING' && cancelling.has(id));
    await this.#until(() => late().length === 0, CANCEL_BOUND_MS);
    for (const { id } of late()) truth.fault(`${truth.name(id)} is CANCELLING for longer than it may`);
    simulation.unmute();
    await this.#until(() => !simulation.isAsked && truth.open().every((row) => truth.waits(row)), SETTLE_MS);
    if (simulation.isAsked) truth.fault('a caller waits for ever');
    for (const row of truth.open()) {
      if (!truth.waits(row)) truth.fault(`${truth.name(row.id)} is ${row.state} for ever`);
    }
    await this.#until(() => truth.missed().length === 0, CANCEL_BOUND_MS);
    for (const { id } of truth.missed()) truth.fault(`${truth.name(id)} was not cancelled with its parent`);
    for (const { id } of truth.open()) this.#cancel(id, false, null);
    await this.#until(() => truth.open().length === 0, CANCEL_BOUND_MS);
    for (const { id, state } of truth.open()) truth.fault(`${truth.name(id)} was cancelled and is ${state}`);
    truth.judge(await this.#read());
    for (const error of simulation.errors) {
      if (!EXPECTED_ERRORS.some((start) => error.startsWith(start)))
        truth.fault(`an error was logged: ${error}`);
    }
    for (const letter of simulation.broker.deadLetters) {
      truth.fault(`a dead letter: ${letter.type} ${letter.reason} ${letter.content}`);
    }
  }

  async #until(isSo: () => boolean, limitMs: number): Promise<void> {
    const limit = this.world.now + limitMs;
    while (!isSo() && this.world.now < limit) await this.#elapse(50);
  }

  async #read(): Promise<Array<ExecutionResource & { events?: EventResource[] }>> {
    const read: ExecutionResource[] = [];
    const ids = this.simulation.truth.executions().map(({ id }) => id);
    for (const id of ids) {
      this.simulation.ask(
        (core) => statusOf(core, id, true),
        (answer) => void answer.then((execution) => read.push(execution)),
      );
    }
    await this.#until(() => read.length === ids.length, 5_000);
    return read;
  }
}
