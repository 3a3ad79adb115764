/**
 * Seeds that once found something, each with the mistake it found. A seed's
 * schedule changes whenever the plan does, so a number alone would soon stand
 * for nothing: the test puts the mistake back, and the seed has to find it
 * again. Where it no longer does, look for one that does.
 */
export interface NamedSeed {
  seed: number
  /** The name of the mutation that stands for the mistake. */
  mistake: string
  /** What happens in this schedule. */
  story: string
}

export const namedSeeds: readonly NamedSeed[] = [
  {
    seed: 79,
    mistake: 'marks are settled without a look at the latest generation',
    story: 'two refreshes overlap, the one with the later number has read less, and the marks of the other are gone',
  },
  {
    seed: 55,
    mistake: 'of two generations of a day the one published last is shown',
    story: 'a refresh wakes up and publishes days that another has published from newer rows',
  },
  {
    seed: 101,
    mistake: 'what was read is taken to be all there was when the pass ended',
    story: 'a pass has to wait, and behind it the company commits a change late',
  },
  {
    seed: 17,
    mistake: 'coverage is read after the marks',
    story: 'a batch and its coverage come between the two looks of a refresh',
  },
  {
    seed: 11,
    mistake: 'marks are written before their rows',
    story: 'a refresh settles the mark while the rows are on their way',
  },
  {
    seed: 11,
    mistake: 'every mark is settled, not only those that were read',
    story: 'a batch is loaded while a refresh computes the days of the one before',
  },
  {
    seed: 42,
    mistake: 'a failed write of marks is taken for done',
    story: 'the warehouse loses a mark, and nothing else ever touches its day',
  },
]
