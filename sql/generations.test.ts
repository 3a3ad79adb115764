import { expect, test } from 'vitest'
import { onBothControls } from './control.suite.ts'
import { nextGeneration } from './generations.ts'

onBothControls('generations', ({ control, another }) => {
  test('each is larger than the one before', async () => {
    const numbers: number[] = []
    for (let i = 0; i < 10; i++) numbers.push(await nextGeneration(control()))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(new Set(numbers).size).toBe(10)
  })

  test('two hundred at once, from several processes, are all different and larger', async () => {
    const before = await nextGeneration(control())
    const others = another ? await Promise.all([another(), another(), another()]) : []
    const askers = [control(), ...others]
    const numbers = await Promise.all(Array.from({ length: 200 }, (_, i) => nextGeneration(askers[i % askers.length] ?? control())))
    await Promise.all(others.map((other) => other.close()))
    expect(new Set(numbers).size).toBe(200)
    expect(Math.min(...numbers)).toBeGreaterThan(before)
    expect(await nextGeneration(control())).toBeGreaterThan(Math.max(...numbers))
  })

  test('a control plane that forgot is not behind the numbers it gave', async () => {
    const before = await nextGeneration(control(), 'forgotten')
    await control().db.deleteFrom('generations').where('name', '=', 'forgotten').execute()
    expect(await nextGeneration(control(), 'forgotten')).toBeGreaterThanOrEqual(before)
  })

  test('a clock that goes back does not take the numbers along', async () => {
    const ahead = 2 ** 50
    await control().db.updateTable('generations').set({ value: ahead }).execute()
    expect([await nextGeneration(control()), await nextGeneration(control())]).toEqual([ahead + 1, ahead + 2])
  })
})
