import type scalarPlugin from '@scalar/fastify-api-reference';
import fastify from 'fastify';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flux API</title>
<link rel="icon" href="data:,">
</head>
<body>
<noscript>This page needs JavaScript; the same is told by <a href="openapi.json">openapi.json</a>.</noscript>
<div id="app"></div>
<script src="docs/scalar.js"></script>
</body>
</html>
`;

/** The page runs a script of the api and talks to the api alone. */
export const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Scalar asks and offers nothing away from this server: no fonts, telemetry, proxy, agent or desktop client. */
const OPTIONS = {
  url: 'openapi.json',
  defaultOpenAllTags: true,
  withDefaultFonts: false,
  telemetry: false,
  proxyUrl: '',
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
} as const;

export interface DocsScript {
  readonly text: string;
  readonly etag: string;
}

/** Scalar's script, and a line that starts it. Loaded for the first reader, since the 4 MB take 150 ms to load. */
export async function loadDocsScript(): Promise<DocsScript> {
  // A bundle of the api names the place of this file; Scalar is found from there and stays out of the bundle.
  const path = createRequire(import.meta.url).resolve('@scalar/fastify-api-reference');
  const { default: scalar } = (await import(pathToFileURL(path).href)) as { default: typeof scalarPlugin };
  const server = fastify();
  await server.register(scalar, { routePrefix: '/docs', configuration: OPTIONS });
  const { body } = await server.inject('/docs/js/scalar.js');
  const text = `${body}\nScalar.createApiReference('#app', ${JSON.stringify(OPTIONS)});\n`;
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url')}"` };
}
