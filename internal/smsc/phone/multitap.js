// Letters on keys: pressed again within a moment, a key goes on to its next
// letter (E.161 for Latin, the usual Maghreb layout for Arabic).

const latin = {
  1: ".,?!'1-/:", 2: "abc2àâ", 3: "def3éèê", 4: "ghi4î", 5: "jkl5", 6: "mno6ô",
  7: "pqrs7", 8: "tuv8ùû", 9: "wxyz9", 0: " 0\n", "*": "*#@+()\"&%",
};
const arabic = {
  1: ".،؟!:1", 2: "بتةث2", 3: "اأإآىءئؤ3", 4: "سشصض4", 5: "درذز5", 6: "جحخ6",
  7: "نهوي7", 8: "فقكلم8", 9: "طظعغ9", 0: " 0\n", "*": "*#@+()\"&%",
};

export const caps = {
  1: ["", ""], 2: ["abc", "بتث"], 3: ["def", "اء"], 4: ["ghi", "سش"], 5: ["jkl", "دذر"], 6: ["mno", "جحخ"],
  7: ["pqrs", "نهوي"], 8: ["tuv", "فقك"], 9: ["wxyz", "طظع"], "*": ["+", ""], 0: ["␣", ""], "#": ["⇧", ""],
};

// Modes in the order that # goes through them.
export const modes = ["123", "abc", "Abc", "ع"];

const letters = { abc: latin, Abc: latin, "ع": arabic };
const pause = 900;

export class MultiTap {
  #key = ""; #index = 0; #at = 0;

  // type puts the key's next letter into the field, at its caret.
  type(field, key, mode, now) {
    const row = letters[mode]?.[key];
    if (!row) {
      this.reset();
      insert(field, key);
      return;
    }
    const again = key === this.#key && now - this.#at < pause && row.length > 1;
    this.#index = again ? (this.#index + 1) % row.length : 0;
    this.#key = key;
    this.#at = now;
    let letter = row[this.#index];
    if (mode === "Abc") letter = letter.toUpperCase();
    if (again) erase(field);
    insert(field, letter);
  }

  reset() { this.#key = ""; }
}

export function insert(field, text) {
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input"));
}

export function erase(field) {
  const { selectionStart: from, selectionEnd: to } = field;
  if (from === to && from > 0) field.setRangeText("", from - 1, to, "end");
  else field.setRangeText("", from, to, "end");
  field.dispatchEvent(new Event("input"));
}

const basic = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
const extended = new Set("^{}\\[~]|€\f");

// count says how many units a text takes and in how many parts it travels
// (3GPP TS 23.038): 160 or 153 septets, 70 or 67 UCS-2 units.
export function count(text) {
  let units = 0;
  for (const c of text) {
    if (basic.has(c)) units += 1;
    else if (extended.has(c)) units += 2;
    else return parts(text.length, 70, 67);
  }
  return parts(units, 160, 153);
}

function parts(units, single, each) {
  return { units, parts: units <= single ? 1 : Math.ceil(units / each) };
}
