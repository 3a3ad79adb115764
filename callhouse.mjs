#!/usr/bin/env node
// The command: lets Node read the project's TypeScript, then hands over to cli.ts.
import { register } from 'tsx/esm/api'

register()
await import('./cli.ts')
