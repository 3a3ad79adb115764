/** `callhouse sources`, and `callhouse migrate`, which has nothing to do once the stores are open. */
import { listRuns } from './sql/runs.ts'
import { listSources } from './sql/sources.ts'
import type { ControlVerb, StoresVerb } from './verb.ts'

/** A line per source: whose it is, what kind, how its last run ended. */
export const sources: ControlVerb<object> = {
  opens: 'control',
  async run({ control, output }) {
    for (const { tenant_id, id, kind } of await listSources(control)) {
      const [last] = await listRuns(control, { tenant_id, source_id: id, limit: 1 })
      const state = last ? `${last.status}: ${last.accepted} accepted, ${last.rejected} rejected of ${last.inputs}` : 'never ran'
      output.out(`${tenant_id}/${id}  ${kind}  ${state}\n`)
    }
    return 0
  },
}

/** Opening the stores brings both schemas up to date; this says so. */
export const migrate: StoresVerb<object> = {
  opens: 'stores',
  async run({ output }) {
    output.out('Both databases have the schema of this version.\n')
    return 0
  },
}
