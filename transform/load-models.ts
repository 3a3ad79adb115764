/** Reads the models: one `.sql` file each, a short header, then one SELECT. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CallhouseError } from '../errors.ts'

/** A fact table and the SELECT that computes it for some tenants' days. */
export interface Model {
  /** The fact it builds; rows go to `<fact>_generations`. */
  fact: string
  meaning: string
  grain: string[]
  /** The core tables it reads; each gives it a parameter `<entity>_anchors`. */
  from: string[]
  select: string
}

const header = /^-- (builds|meaning|grain|from): (.+)$/

/** Every model in `transform/models`, by name. Throws model_invalid with the file and what is wrong in it. */
export function loadModels(folder = join(import.meta.dirname, 'models')): Model[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => parseModel(file, readFileSync(join(folder, file), 'utf8')))
}

/** Reads one model's text; `file` is for the messages. */
export function parseModel(file: string, text: string): Model {
  const lines = text.split('\n')
  const facts: Record<string, string> = {}
  let line = 0
  for (; lines[line]?.startsWith('--'); line++) {
    const match = header.exec(lines[line]!)
    if (!match) throw new CallhouseError('model_invalid', `${file}:${line + 1}: expected "-- builds|meaning|grain|from: …" in the header.`)
    facts[match[1]!] = match[2]!
  }
  for (const key of ['builds', 'meaning', 'grain', 'from'])
    if (!facts[key]) throw new CallhouseError('model_invalid', `${file}: the header has no "-- ${key}:" line.`)
  const model: Model = {
    fact: facts['builds']!,
    meaning: facts['meaning']!,
    grain: names(facts['grain']!),
    from: names(facts['from']!),
    select: lines.slice(line).join('\n').trim(),
  }
  for (const entity of model.from)
    if (!model.select.includes(anchorsParam(entity)))
      throw new CallhouseError('model_invalid', `${file}: reads ${entity} but never limits it with ${anchorsParam(entity)}.`)
  return model
}

/** Which of an entity's records a model may read: those of these tenants, anchored on these days. */
function anchorsParam(entity: string): string {
  return `{${entity}_anchors:Array(Tuple(String, Date))}`
}

function names(list: string): string[] {
  return list.split(',').map((name) => name.trim())
}
