/**
 * How text is kept in a database that takes UTF-8 only, PostgreSQL also without NUL: what would be changed or
 * refused there is escaped, and everything else stays as it is. Sorting what is kept sorts by code point.
 */

// Each escape begins with the next lower neighbour of what it stands for, so that the order stays.
const LOW = '\u0001'
const HIGH = '\ud7ff'

// What stands for itself nowhere: NUL and halves of surrogate pairs. And what escapes begin with.
const special = new RegExp(`[\0${LOW}${HIGH}\\ud800-\\udfff]`, 'u')
const specials = new RegExp(special, 'gu')
const escapes = new RegExp(`${LOW}[${LOW}\u0002]|${HIGH}${LOW}|${HIGH}\u0002.`, 'gu')

/** The text to keep. Text of two sides is in the same order before and after. */
export const toStored = (text: string): string =>
  special.test(text) ? text.replace(specials, escaped) : text

/** The text that was kept. */
export const fromStored = (stored: string): string =>
  stored.includes(LOW) || stored.includes(HIGH) ? stored.replace(escapes, unescaped) : stored

const escaped = (char: string): string => {
  if (char === '\0') return `${LOW}\u0001`
  if (char === LOW) return `${LOW}\u0002`
  if (char === HIGH) return `${HIGH}\u0001`
  return `${HIGH}\u0002${String.fromCharCode(char.charCodeAt(0) - 0xd800 + 0x100)}`
}

const unescaped = (escape: string): string => {
  if (escape === `${LOW}\u0001`) return '\0'
  if (escape === `${LOW}\u0002`) return LOW
  if (escape === `${HIGH}\u0001`) return HIGH
  return String.fromCharCode(escape.charCodeAt(2) - 0x100 + 0xd800)
}

/** Compares stored text as databases do: by code point, where JavaScript goes by UTF-16. */
export const compareStored = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i += 1) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Pairs of surrogates stand for what comes after U+FFFF. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800)

/** The lowest stored text above this one: none holds a NUL. */
export const above = (stored: string): string => `${stored}${LOW}`
