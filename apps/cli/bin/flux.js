#!/usr/bin/env node
import { main } from '../bundle/flux.js';

await main(process.argv.slice(2), import.meta.url);
