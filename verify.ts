/** `callhouse verify`, and every night: are the facts what the core tables say? */
import { refreshToNow, type Stores } from './app.ts'
import { checkDays } from './check-day.ts'
import { CallhouseError } from './errors.ts'
import { findTenant, listTenants } from './sql/tenants.ts'
import { movingDays, publishedGenerations } from './transform/moving-days.ts'
import { splitIdentities, verifyTenant, type Difference, type VerifyRange } from './transform/verify.ts'
import type { Output, StoresVerb } from './verb.ts'

/** Rows that arrive between the refresh and the look make a day differ; so what differs is looked at again. */
const LOOKS = 3
const DAY_MS = 86_400_000
/** Facts of so many days are recomputed every night, from records anchored in twice as many. */
const RECENT_DAYS = 35

export interface VerifyOptions {
  tenant?: string
  from?: string
  to?: string
  recent?: boolean
}

/** Prints what differs; the exit code is 0 when nothing does, 1 when something does. */
export const verify: StoresVerb<VerifyOptions> = {
  opens: 'stores',
  check({ from, to, recent }) {
    checkDays({ from, to })
    if (recent && (from ?? to) !== undefined) throw new CallhouseError('bad_request', '--recent names its own days: leave --from and --to out.')
  },
  async run({ stores, output, signal }, { tenant, from, to, recent }) {
    if (tenant !== undefined && !(await findTenant(stores.control, tenant)))
      throw new CallhouseError('tenant_unknown', `There is no tenant "${tenant.slice(0, 63)}". \`callhouse sources\` lists whose sources there are.`)
    const tenants = tenant === undefined ? (await listTenants(stores.control)).map(({ id }) => id) : [tenant]
    const range = recent ? recentRange(Date.now()) : { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
    let [faults, moving] = [0, 0]
    for (const id of tenants) {
      const seen = await verifyOne(stores, id, { ...range, signal }, output)
      faults += seen.faults
      moving += seen.moving
    }
    const rest = moving === 0 ? '' : ` Not compared, because new records kept changing them: ${moving} fact days.`
    output.out(`${faults === 0 ? 'Every fact equals its recomputation.' : `${faults} difference${faults > 1 ? 's' : ''}.`}${rest}\n`)
    return faults === 0 ? 0 : 1
  },
}

/** What a look at bounded cost covers. */
export function recentRange(now_ms: number): VerifyRange {
  const day = (ago: number): string => new Date(now_ms - ago * DAY_MS).toISOString().slice(0, 10)
  return { from: day(RECENT_DAYS), to: day(-1), anchors_from: day(2 * RECENT_DAYS) }
}

export interface Looked {
  /** Days that differ though nothing was going on there. */
  differences: Difference[]
  /** Days that new records kept changing at every look; nothing can be said of them now. */
  moving: Difference[]
}

/** A tenant's facts that differ from their recomputation, also when looked at again. */
export async function lookAtFacts(stores: Stores, tenant: string, range: VerifyRange): Promise<Looked> {
  let found: Looked = { differences: [], moving: [] }
  for (let look = 0; look < LOOKS; look++) {
    await refreshToNow(stores, range.signal)
    const before = await publishedGenerations(stores.warehouse, tenant)
    const open = [...found.differences, ...found.moving]
    const differing = await verifyTenant(stores.warehouse, stores.models, tenant, look === 0 ? range : { ...range, only: open })
    if (differing.length === 0) return { differences: [], moving: [] }
    const isMoving = await movingDays(stores, tenant, before)
    found = { differences: differing.filter((day) => !isMoving(day)), moving: differing.filter(isMoving) }
  }
  return found
}

async function verifyOne(stores: Stores, tenant: string, range: VerifyRange, output: Output): Promise<{ faults: number; moving: number }> {
  const { differences, moving } = await lookAtFacts(stores, tenant, range)
  for (const { fact, day, published, recomputed } of differences)
    output.out(`${tenant}  ${fact}  ${day}  published ${published?.rows ?? 0} rows, recomputed ${recomputed?.rows ?? 0} rows\n`)
  const entities = [...new Set(stores.models.flatMap((model) => model.from))]
  const split = await splitIdentities(stores.warehouse, entities, tenant)
  for (const { entity, records } of split)
    output.out(`${tenant}  ${entity}  ${records} records are stored under two anchor days: their source changed a time it must not change\n`)
  return { faults: differences.length + split.length, moving: moving.length }
}
