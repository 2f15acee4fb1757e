/** What there is to be found. Three shelves' worth, so that nothing here needs a network. */

/** Something that was found. */
export interface Finding {
  readonly source: string
  readonly text: string
}

interface Entry extends Finding {
  readonly shelf: 'papers' | 'news'
  readonly about: string
}

const entries: readonly Entry[] = [
  {
    shelf: 'papers',
    about: 'reef',
    source: 'Marine Letters 12',
    text: 'Shade cut bleaching by a third in two summers.',
  },
  {
    shelf: 'papers',
    about: 'reef',
    source: 'Ocean Notes 4',
    text: 'Larvae settle best on rough, dark tiles.',
  },
  {
    shelf: 'news',
    about: 'reef',
    source: 'Harbour Post',
    text: 'Divers have planted ten thousand corals off the north cape.',
  },
  {
    shelf: 'papers',
    about: 'bees',
    source: 'Field Biology 7',
    text: 'Strips of wild flowers doubled the number of wild bees.',
  },
  {
    shelf: 'news',
    about: 'bees',
    source: 'Valley Gazette',
    text: 'Two hundred farms have left a strip of wild flowers this year.',
  },
  {
    shelf: 'news',
    about: 'bees',
    source: 'City Paper',
    text: 'Beehives on the roof of the town hall gave forty jars.',
  },
]

/** What a shelf holds about a topic. */
export const look = (shelf: Entry['shelf'], topic: string): Finding[] =>
  entries
    .filter((entry) => entry.shelf === shelf && topic.toLowerCase().includes(entry.about))
    .map(({ source, text }) => ({ source, text }))
