/** Asks people in a terminal, or reads the answers from a pipe, a line each. What is secret is not echoed. */
import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { CallhouseError } from './errors.ts'
import type { Output } from './verb.ts'

export interface Prompt {
  /** The answer, without the spaces around it; empty where somebody only pressed Enter. */
  ask(question: string, options?: { is_secret?: boolean }): Promise<string>
  close(): void
}

export function openPrompt(input: NodeJS.ReadStream, output: Output): Prompt {
  let is_quiet = false
  // The terminal's echo comes through here, so it can be left out.
  const echo = new Writable({
    write(chunk: Buffer, _, done) {
      if (!is_quiet) output.out(chunk.toString())
      done()
    },
  })
  const lines: Interface = createInterface({ input, output: echo, terminal: input.isTTY })
  const waiting: string[] = []
  const askers: ((line: string | undefined) => void)[] = []
  let is_over = false
  lines.on('line', (line) => {
    const asker = askers.shift()
    if (asker) asker(line)
    else waiting.push(line)
  })
  lines.on('close', () => {
    is_over = true
    for (const asker of askers.splice(0)) asker(undefined)
  })
  return {
    async ask(question, { is_secret = false } = {}) {
      output.out(`${question} `)
      is_quiet = is_secret
      const ready = waiting.shift()
      const line = ready ?? (is_over ? undefined : await new Promise<string | undefined>((resolve) => askers.push(resolve)))
      if (is_secret || !input.isTTY) output.out('\n')
      is_quiet = false
      if (line === undefined)
        throw new CallhouseError('bad_request', 'There was no answer; nothing was written. Give the values with --set, and --yes.')
      return line.trim()
    },
    close: () => lines.close(),
  }
}
