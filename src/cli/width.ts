/** How many columns of a terminal a text takes. Not what it may contain: that is `screen.ts`. */

// Near enough to what terminals do with East Asian scripts and emoji.
const WIDE_SCRIPT = /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Yi}/u
const WIDE_SIGN = /[\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const HALF_KATAKANA = /[\uff61-\uff9f]/
const NONE = /[\p{Mn}\p{Me}]/u

/** Of one character. */
const columnsOf = (character: string): number => {
  // Most are ASCII.
  if (character.length === 1 && character < '\u0300') return 1
  if (NONE.test(character)) return 0
  const wide = WIDE_SIGN.test(character) || (WIDE_SCRIPT.test(character) && !HALF_KATAKANA.test(character))
  return wide ? 2 : 1
}

/** The columns that a text takes. */
export function widthOf(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOf(character)
  return columns
}

/** The longest beginning of a text that takes at most so many columns. */
export function startOf(text: string, columns: number): string {
  let left = columns
  let end = 0
  for (const character of text) {
    left -= columnsOf(character)
    if (left < 0) break
    end += character.length
  }
  return text.slice(0, end)
}

/** A text filled up with spaces. */
export const padded = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - widthOf(text)))
