/** The lint rules that are Flux's own: the walls between its packages, and one limit with an exemption. */
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinRules } from 'eslint/use-at-your-own-risk';
import { importFault } from './layers.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const layers = {
  meta: { type: 'problem', schema: [], docs: { description: 'hold every import to scripts/layers.mjs' } },
  create(context) {
    const path = relative(root, context.filename).split(sep).join('/');
    const check = (source, lazy) => {
      const specifier = source?.value ?? source?.literal?.value;
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
    return builtin.create(Object.create(context, { report: { value: report } }));
  },
};

export const plugin = {
  meta: { name: 'flux' },
  rules: { layers, 'max-lines-per-function': maxLinesPerFunction },
};
