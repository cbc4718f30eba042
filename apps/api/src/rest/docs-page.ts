import type { Operation, OpenApiDocument, Parameter, Response } from './openapi/document.js';

/** The document as one page that needs nothing but itself: no script, no font, no network. */
export function renderDocsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const sections = document.tags.map(({ name }) => ({
    name,
    entries: operations.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const links = sections.map(
    ({ name, entries }) =>
      `<li><a href="#${name}">${name}</a><ul>${entries
        .map(
          ({ operation }) => `<li><a href="#${operation.operationId}">${escape(operation.summary)}</a></li>`,
        )
        .join('')}</ul></li>`,
  );
  const bodies = sections.map(
    ({ name, entries }) =>
      `<section aria-labelledby="${name}"><h2 id="${name}">${name}</h2>${entries.map(article).join('')}</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(document.info.title)} API</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the routes</a>
<nav aria-label="Routes"><p><strong>${escape(document.info.title)} API</strong></p><ul>${links.join('')}
<li><a href="#schemas">Schemas</a></li></ul></nav>
<main id="content"><h1>${escape(document.info.title)} API</h1><p>${prose(document.info.description)}</p>
<p><a href="openapi.json">OpenAPI 3.1 document</a></p>
${bodies.join('\n')}
<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>${schemas(document)}</section>
</main>
</body>
</html>
`;
}

interface Entry {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function article({ path, method, operation }: Entry): string {
  const body = operation.requestBody?.content['application/json']?.schema;
  return `<article aria-labelledby="${operation.operationId}"><h3 id="${operation.operationId}">${escape(operation.summary)}</h3>
<p class="route"><span class="method ${method}">${method}</span> <code>${escape(path)}</code></p>
${operation.description === undefined ? '' : `<p>${prose(operation.description)}</p>`}
${parameterTable(operation.parameters)}
${body === undefined ? '' : `<p>Body: ${typeOf(body)}, optional.</p>`}
<table><caption>Answers</caption><thead><tr><th scope="col">Status</th><th scope="col">Meaning</th><th scope="col">Body</th></tr></thead>
<tbody>${Object.entries(operation.responses).map(responseRow).join('')}</tbody></table></article>`;
}

function parameterTable(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(
    ({ name, in: place, schema, description = '' }) =>
      `<tr><td><code>${escape(name)}</code></td><td>${place}</td><td>${typeOf(schema)}</td><td>${prose(description)}</td></tr>`,
  );
  return `<table><caption>Parameters</caption><thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function responseRow([status, { description, content = {} }]: [string, Response]): string {
  const bodies = Object.entries(content).map(([type, { schema }]) =>
    schema['$ref'] === undefined ? `<code>${escape(type)}</code>` : typeOf(schema),
  );
  return `<tr><td>${status}</td><td>${prose(description)}</td><td>${bodies.join('<br>')}</td></tr>`;
}

function schemas({ components }: OpenApiDocument): string {
  return Object.entries(components.schemas)
    .map(
      ([name, schema]) =>
        `<details id="schema-${name}"><summary>${name}</summary><pre tabindex="0"><code>${escape(JSON.stringify(schema, null, 2))}</code></pre></details>`,
    )
    .join('');
}

/** A schema in a few words, named ones as links. */
function typeOf(schema: Readonly<Record<string, unknown>>): string {
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].split('/').at(-1) ?? '';
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (Array.isArray(schema['enum'])) {
    return schema['enum'].map((value) => `<code>${escape(JSON.stringify(value))}</code>`).join(' ');
  }
  if (Array.isArray(schema['anyOf'])) {
    return typeOf(schema['anyOf'][0] as Readonly<Record<string, unknown>>);
  }
  const words = [schema['type'] ?? 'any', schema['format']].filter((word) => typeof word === 'string');
  const standard = schema['default'] === undefined ? '' : `, default ${JSON.stringify(schema['default'])}`;
  return escape(words.join(' ') + standard);
}

/** Text in which backticks mark code. */
function prose(text: string): string {
  return escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light dark;--line:#8886;--soft:#8881;--link:light-dark(#0b57d0,#8ab4f8)}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;display:grid;grid-template-columns:17rem minmax(0,1fr)}
a{color:var(--link)}nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:1.5rem;border-right:1px solid var(--line)}
nav ul{list-style:none;margin:0;padding:0}nav ul ul{padding-left:.9rem;font-size:.9rem;margin-bottom:.7rem}
main{padding:1.5rem 2.5rem 5rem;max-width:72rem}h1{margin-top:0}h2{margin-top:3rem;border-bottom:1px solid var(--line)}
article{margin:2.2rem 0}h3{margin-bottom:.2rem}.route{margin-top:0;overflow-wrap:anywhere}
.method{font-weight:700;font-size:.8rem;padding:.15rem .5rem;border-radius:.3rem;color:#fff;background:#1a5fb4}.POST{background:#1d6b3a}.PUT{background:#8f5902}.DELETE{background:#a51d2d}
code,pre{font:.9em ui-monospace,monospace}code{background:var(--soft);padding:.05em .25em;border-radius:.2rem}
table{border-collapse:collapse;width:100%;margin:.8rem 0}caption{text-align:left;font-weight:600;padding-bottom:.2rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border:1px solid var(--line);overflow-wrap:break-word}th{background:var(--soft)}td code{white-space:nowrap}
details{border:1px solid var(--line);border-radius:.3rem;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer;font-weight:600}
pre{overflow:auto;background:var(--soft);padding:.8rem}pre code{background:none;padding:0}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem;top:1rem;background:Canvas;padding:.5rem;z-index:1}
:target{scroll-margin-top:1rem}
@media(max-width:50rem){body{display:block}nav{position:static;max-height:none;border-right:0;border-bottom:1px solid var(--line)}main{padding:1.2rem}
thead{position:absolute;left:-999rem}tr,td{display:block}td{border-width:0 1px}tr{border:1px solid var(--line);border-width:1px 0;padding:.2rem 0}td code{white-space:normal}td:empty{display:none}}
`;
