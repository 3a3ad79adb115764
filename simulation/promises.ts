/** What must hold, at the moment it is said and in the end; each is checked against what the phone company has, never against what the stores say. */
import type { EntityName } from '../ingest/records/index.ts'
import type { CoverageRow, PublishedDay } from '../transform/fact-store.ts'
import { comparable, models } from './fact-models.ts'
import type { MemoryWarehouse } from './memory-warehouse.ts'
import type { Telco, Version } from './telco.ts'
import { daysOf, truthOf } from './truth.ts'

/** A promise that was not kept. */
export class Broken extends Error {}

/** How late a change may come and still be behind what coverage claims: the puller's settling lag. */
const SETTLING_MS = 5_000

/** Published coverage up to T: the facts that readers see hold every change that the company made before T, or something newer. */
export function checkCoverage(warehouse: MemoryWarehouse, telco: Telco, rows: readonly CoverageRow[]): void {
  for (const { tenant_id, entity, covered_to } of rows) {
    const stored = new Map<string, bigint>()
    for (const { columns, version } of warehouse.core(entity as EntityName).winners())
      if (columns['tenant_id'] === tenant_id) stored.set(columns['native_id']!, version)
    const to_ms = Date.parse(`${covered_to.replace(' ', 'T')}Z`)
    for (const versions of telco.records(entity)) {
      const due = versions.filter((one) => one.updated_ms < to_ms && one.visible_ms <= one.updated_ms + SETTLING_MS && !one.is_bad).at(-1)
      if (!due) continue
      const claim = (): string => `coverage of ${tenant_id}'s ${entity} up to ${covered_to} is published, and`
      const version = stored.get(due.id)
      if (version === undefined || sourceVersion(version) < due.updated_ms)
        throw new Broken(`${claim()} ${due.id} of ${iso(due.updated_ms)} is not stored`)
      checkShown(warehouse, tenant_id, versions, due, sourceVersion(version) === due.updated_ms, claim)
    }
  }
}

/** Readers see the record as it was when it was due, or newer: on no day an older version, and on its day that one, if it is the newest. */
function checkShown(warehouse: MemoryWarehouse, tenant_id: string, versions: Version[], due: Version, is_newest: boolean, claim: () => string): void {
  const { stream, id } = due
  for (const { fact, from } of models) {
    if (!from.includes(stream)) continue
    for (const day of new Set(versions.filter(({ updated_ms }) => updated_ms <= due.updated_ms).flatMap((one) => daysOf(one, fact)))) {
      const seen = warehouse.publishedDay(fact, tenant_id, day)?.seen.get(`${stream} ${id}`)
      const shown = seen && versions.find(({ updated_ms }) => updated_ms === sourceVersion(seen))
      if (shown && shown.updated_ms >= due.updated_ms) continue
      if (shown && daysOf(shown, fact).includes(day))
        throw new Broken(`${claim()} ${fact} of ${day} has ${id} of ${iso(shown.updated_ms)}, not of ${iso(due.updated_ms)}`)
      // Where a newer version is stored already, the record may have left the day before anybody saw it there.
      if (is_newest && daysOf(due, fact).includes(day)) throw new Broken(`${claim()} ${fact} of ${day} lacks ${id} of ${iso(due.updated_ms)}`)
    }
  }
}

/** Only a day that was computed whole is ever shown. */
export function checkPublished(warehouse: MemoryWarehouse, days: readonly PublishedDay[]): void {
  for (const day of days) if (!warehouse.builtDay(day)) throw new Broken(`${day.fact} of ${day.day} is published before it is computed`)
}

/** In the end: a tenant's facts are the truth, and nothing of it is lost. */
export function checkEnd(warehouse: MemoryWarehouse, tenant_id: string, telco: Telco): void {
  const days = [...warehouse.publishedDays.winners()].filter((day) => day.tenant_id === tenant_id)
  const rows = days.flatMap(({ fact, day }) => warehouse.publishedDay(fact, tenant_id, day)?.rows ?? [])
  checkFacts(comparable(rows), truthOf(telco))
  const letters = [...warehouse.deadLetters.final()].filter((letter) => letter.tenant_id === tenant_id)
  checkDeadLetters(letters, telco)
}

/** Facts and truth, as `comparable` gives them. */
export function checkFacts(facts: Map<string, string>, truth: Map<string, string>): void {
  const keys = [...new Set([...facts.keys(), ...truth.keys()])].filter((key) => facts.get(key) !== truth.get(key))
  if (keys.length === 0) return
  const lines = keys.map((key) => `  ${key}\n    published: ${facts.get(key) ?? 'nothing'}\n    truth:     ${truth.get(key) ?? 'nothing'}`)
  throw new Broken(`the facts are not the truth:\n${lines.join('\n')}`)
}

/** Every item that cannot be stored is a dead letter, and nothing else is; one that was replaced before anybody saw it need not be. */
function checkDeadLetters(letters: readonly { position: string; payload: string }[], telco: Telco): void {
  const known = new Set(letters.map(({ payload }) => payload))
  if (known.size !== letters.length) throw new Broken('an item is two dead letters')
  const bad = telco.versions.filter(({ is_bad }) => is_bad).map(({ item }) => JSON.stringify(item))
  for (const payload of known) if (!bad.includes(payload)) throw new Broken(`a good item is a dead letter: ${payload}`)
  for (const { item, is_bad } of telco.final())
    if (is_bad && !known.has(JSON.stringify(item))) throw new Broken(`an item is lost: ${JSON.stringify(item)}`)
}

/** The source's version, out of a stored one: its update time. */
function sourceVersion(stored: bigint): number {
  return Number(stored >> 20n)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
