import { MISHAPS, type Command, type PlannedFault, type PlannedMishap } from './program.js';

type KindOfPlace<Place extends string> = Place extends `${infer Kind} ${number}` ? Kind : Place;

/** The kinds by which commands are told apart where they are counted. */
type Kind<Each extends Command> = Each extends { readonly do: 'cancel' }
  ? `${'' | 'sync '}${'cancel' | 'force'}`
  : Each extends PlannedMishap
    ? never
    : Each extends PlannedFault
      ? `${Each['do']} ${Each['when']}`
      : Each extends { readonly place: infer Place extends string }
        ? `${Each['do']} ${KindOfPlace<Place>}`
        : Each['do'];

/**
 * The names under which things are counted: a command when it was done, a planned mishap when it has befallen
 * somebody.
 */
export const counted = {
  command: (kind: string): string => `command: ${kind}`,
  mishap: (kind: string): string => `mishap: ${kind}`,
};

const KINDS: Readonly<Record<Kind<Command>, keyof typeof counted>> = {
  start: 'command',
  cancel: 'command',
  force: 'command',
  'sync cancel': 'command',
  'sync force': 'command',
  'cancel later': 'command',
  undo: 'command',
  pause: 'command',
  resume: 'command',
  status: 'command',
  elapse: 'command',
  'kill api': 'command',
  'kill worker': 'command',
  'kill owner': 'command',
  'restart api': 'command',
  'restart worker': 'command',
  'close worker': 'command',
  'close owner': 'command',
  'freeze worker': 'command',
  'freeze owner': 'command',
  'thaw worker': 'command',
  'break runner worker': 'command',
  'break runner owner': 'command',
  'mute worker': 'command',
  'mute owner': 'command',
  'restart broker': 'command',
  'reset link api': 'command',
  'reset link worker': 'command',
  'reset link owner': 'command',
  'stall link api': 'command',
  'stall link worker': 'command',
  'stall link owner': 'command',
  'cut link api': 'command',
  'cut link worker': 'command',
  'cut link owner': 'command',
  'fail database before': 'mishap',
  'fail database after': 'mishap',
  'crash api before': 'mishap',
  'crash api after': 'mishap',
};

/** Whether the command is a misfortune, or an operator's doing. */
export function breaks(command: Command): boolean {
  return 'place' in command || 'when' in command || /^(mishap|restart broker)$/.test(command.do);
}

/** Whether the command may keep a worker's checkpoints away for longer than a lease, though it lives and hears. */
export function silences(command: Command): boolean {
  return command.do === 'mute' || (command.do === 'mishap' && command.what === 'delay');
}

export function kindOf(command: Command): string {
  if (command.do === 'cancel') {
    return `${command.syncMs === null ? '' : 'sync '}${command.force ? 'force' : 'cancel'}`;
  }
  if (command.do === 'mishap') return `${command.what} ${command.to}`;
  if ('when' in command) return `${command.do} ${command.when}`;
  return 'place' in command ? `${command.do} ${command.place.split(' ')[0] ?? ''}` : command.do;
}

/** The names that have to be counted where every kind of command was really performed. */
export const EVERYTHING: readonly string[] = [
  ...Object.entries(KINDS).map(([kind, as]) => counted[as](kind)),
  ...Object.entries(MISHAPS).flatMap(([what, types]) => types.map((to) => counted.mishap(`${what} ${to}`))),
];
