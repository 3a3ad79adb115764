/** The demo's 90 days, loaded into a directory of their own, with the API on top. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSource, openStores, pullOnce, refreshOnce, type Stores } from '../app.ts'
import { normalizeConfig } from '../config.ts'
import { demoSource, loadDemoState, startPretendCompany } from '../demo-company.ts'
import { openLog } from '../log.ts'
import { listenApi } from '../serve-api.ts'

export const BENCH_KEY = 'bench-admin-key-0123456789'
export const TENANT = 'demo'

export interface Loaded {
  stores: Stores
  url: string
  close(): Promise<void>
}

export async function loadStores(): Promise<Loaded> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-'))
  const config = normalizeConfig({ data, api: { admin_key: BENCH_KEY, port: 0 } })
  const state = loadDemoState(data, { seed: 1 })
  const [company, stores] = await Promise.all([startPretendCompany(state), openStores(config)])
  const open = await openSource(stores, demoSource(company, state))
  await pullOnce(stores, open, openLog('silent'), new AbortController().signal)
  company.stop()
  await refreshOnce(stores)
  const api = await listenApi(stores, config, openLog('silent'))
  return {
    stores,
    url: api.url,
    close: async () => {
      await api.close()
      await stores.close()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
