/** The lint rules that are Flux's own: the walls between its packages and rooms, and one limit with an exemption. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { builtinRules } from 'eslint/use-at-your-own-risk';
import { ImportGraph } from './circles.mjs';
import { importFault } from './layers.mjs';

const root = join(import.meta.dirname, '..');
const layers = {
  meta: { type: 'problem', schema: [], docs: { description: 'hold every import to scripts/layers.mjs' } },
  create(context) {
    const path = relative(root, context.filename).split(sep).join('/');
    const check = (source, lazy) => {
      const specifier = source?.value ?? source?.literal?.value ?? source?.quasis?.[0]?.value.cooked;
      if (typeof specifier !== 'string') return;
      const message = importFault(path, specifier, lazy);
      if (message) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ExportAllDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ImportExpression: (node) => check(node.source, true),
      TSImportType: (node) => check(node.source ?? node.argument, true),
    };
  },
};

/** The graph of one run of ESLint; an editor that keeps the plugin sees a new circle at the next one. */
const graph = new ImportGraph();
const circles = {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'refuse circles of files, `import type` counted' },
  },
  create(context) {
    const check = ({ source }) => {
      if (!source?.value?.startsWith?.('.')) return;
      const target = resolve(dirname(context.filename), source.value.replace(/\.js$/, '.ts'));
      const way = existsSync(target) && graph.way(target, context.filename);
      if (!way) return;
      const message = `A circle of imports: ${way.map((file) => relative(root, file)).join(' → ')}.`;
      context.report({ node: source, message });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

/** Whether `node` calls one of `names`, also as `it.each(…)(…)` or with a tagged table. */
function calls(node, names) {
  if (node?.type === 'Identifier') return names.includes(node.name);
  if (node?.type === 'MemberExpression') return calls(node.object, names);
  const called = node?.callee ?? node?.tag;
  return called !== undefined && calls(called, names);
}
const listsTests = (node) =>
  (node.parent?.type === 'CallExpression' && calls(node.parent, ['describe'])) ||
  (node.body?.type === 'BlockStatement' &&
    node.body.body.some((statement) => calls(statement.expression, ['describe', 'it', 'test'])));

const builtin = builtinRules.get('max-lines-per-function');

/** ESLint's rule, but what lists tests, a `describe` callback or a shared suite, is no function to be read. */
const maxLinesPerFunction = {
  meta: builtin.meta,
  create(context) {
    const report = (problem) => {
      if (!listsTests(problem.node)) context.report(problem);
    };
    return builtin.create({ options: context.options, sourceCode: context.sourceCode, report });
  },
};

/** Whether `node` is a number of the code: a literal, an UPPER_CASE constant, a sum of such, or a `Math.min` with one. */
function isConstant(node) {
  switch (node?.type) {
    case 'Literal':
      return true;
    case 'Identifier':
      return /^[A-Z][A-Z0-9_]*$/.test(node.name);
    case 'MemberExpression':
      return isConstant(node.object);
    case 'BinaryExpression':
      return isConstant(node.left) && isConstant(node.right);
    case 'CallExpression': {
      const { object, property } = node.callee;
      return object?.name === 'Math' && property?.name === 'min' && node.arguments.some(isConstant);
    }
    default:
      return false;
  }
}

const message =
  'Use LongTimer, sleep or abortAfter of @flux/domain: a time that is longer than 2^31 ms is over at once here.';

/** Node's timers take 24.8 days at most, so only times that stand in the code are given to them. */
const longTimers = {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'keep times of any length away from Node’s timers' },
  },
  create(context) {
    const sleeps = new Set();
    return {
      ImportDeclaration({ source, specifiers }) {
        if (!/^(node:)?timers\/promises$/.test(source.value)) return;
        for (const { imported, local } of specifiers) {
          if (/^set(Timeout|Interval)$/.test(imported?.name)) sleeps.add(local.name);
        }
      },
      CallExpression(node) {
        const {
          callee,
          arguments: [first, second],
        } = node;
        const isBare = callee.type === 'Identifier' && /^set(Timeout|Interval)$/.test(callee.name);
        const isSignal = callee.object?.name === 'AbortSignal' && callee.property?.name === 'timeout';
        const isSleep = sleeps.has(callee.name);
        if (!isBare && !isSignal && !isSleep) return;
        const time = isBare && !isSleep ? second : first;
        if (time && !isConstant(time)) context.report({ node: time, message });
      },
    };
  },
};

export const plugin = {
  meta: { name: 'flux' },
  rules: { circles, layers, 'long-timers': longTimers, 'max-lines-per-function': maxLinesPerFunction },
};
