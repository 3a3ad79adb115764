import { expect, test } from 'vitest'
import { onBothControls } from './control.suite.ts'
import { finishRun, listRuns, startRun } from './runs.ts'

onBothControls('runs', ({ control }) => {
  test('a run is running until it is finished, with its counts', async () => {
    const id = await startRun(control(), { tenant_id: 'acme', source_id: 'pbx', kind: 'asterisk' })
    expect(await listRuns(control())).toMatchObject([{ id, status: 'running', inputs: 0, finished_at: null }])
    await finishRun(control(), id, { status: 'succeeded', inputs: 5_000_000_000, accepted: 4_999_999_999, rejected: 1 })
    const [run] = await listRuns(control())
    expect(run).toMatchObject({ id, status: 'succeeded', inputs: 5_000_000_000, accepted: 4_999_999_999, rejected: 1, error: null })
    expect(run?.finished_at?.getTime()).toBeGreaterThanOrEqual(run?.started_at.getTime() ?? Infinity)
  })

  test('an error is kept, whatever is in it', async () => {
    const id = await startRun(control(), { tenant_id: 'globex', source_id: 'api', kind: 'pretend' })
    await finishRun(control(), id, { status: 'failed', inputs: 0, accepted: 0, rejected: 0, error: `bad byte \0 here${'!'.repeat(20_000)}` })
    const [run] = await listRuns(control(), { tenant_id: 'globex', source_id: 'api' })
    expect(run?.error).toMatch(/^bad byte \u2400 here!/)
    expect(run?.error).toHaveLength(10_000)
  })

  test('the newest come first, as many as asked for', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push(await startRun(control(), { tenant_id: 'acme', source_id: 'new', kind: 'kafka' }))
    expect((await listRuns(control(), { source_id: 'new' })).map(({ id }) => id)).toEqual(ids.reverse())
    expect(await listRuns(control(), { limit: 2 })).toHaveLength(2)
  })

  test('a run that never began cannot end', async () => {
    await expect(finishRun(control(), 'ghost', { status: 'failed', inputs: 0, accepted: 0, rejected: 0 })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
