import { expect, test } from 'vitest'
import { SeenVersions } from './seen-versions.ts'

const entry = (id: string, version: number, print = `${version}`): { id: string; version: number; print: string } => ({ id, version, print })

test('knows what was loaded with the checkpoint at hand, and nothing under another', () => {
  const seen = new SeenVersions(10)
  seen.begin(undefined)
  seen.add([entry('a', 5)], { at: 1 })
  seen.end(0)
  seen.begin({ at: 1 })
  expect(seen.has(entry('a', 5))).toBe(true)
  expect(seen.has(entry('a', 6))).toBe(false)
  expect(seen.has(entry('a', 5, 'same time, other content'))).toBe(false)
  seen.begin({ at: 0 })
  expect(seen.has(entry('a', 5))).toBe(false)
})

test('forgets what the next pass will not ask for, and what a pass did not list again', () => {
  const seen = new SeenVersions(10)
  seen.add([entry('old', 1), entry('new', 9)], 1)
  seen.end(5)
  expect(seen.has(entry('old', 1))).toBe(false)
  expect(seen.has(entry('new', 9))).toBe(true)
  seen.end(5)
  expect(seen.has(entry('new', 9))).toBe(false)
})

test('stays within its bound by not remembering', () => {
  const seen = new SeenVersions(2)
  seen.add([entry('a', 1), entry('b', 1), entry('c', 1)], 1)
  expect([seen.has(entry('b', 1)), seen.has(entry('c', 1))]).toEqual([true, false])
})
