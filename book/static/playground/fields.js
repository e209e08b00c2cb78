// The settings: a form's fields say what is allowed, and the address holds what was chosen.

// What a field allows: {name, kind, initial}, with min, max and step where kind is "number", with
// options where it is "option", with a pattern where it is "text".
function fieldOf(element) {
  const { name, type } = element;
  if (type === "checkbox") return { name, kind: "switch", initial: element.defaultChecked };
  if (type === "hidden") return { name, kind: "text", initial: element.defaultValue };
  if (type === "range") {
    const [min, max, step] = ["min", "max", "step"].map((key) => Number(element[key]));
    return { name, kind: "number", min, max, step, initial: Number(element.defaultValue) };
  }
  const options = [...element.options].map((option) => option.value);
  const chosen = [...element.options].find((option) => option.defaultSelected);
  const value = (text) => (options.every((one) => one !== "" && !isNaN(one)) ? Number(text) : text);
  return { name, kind: "option", options: options.map(value), initial: value(chosen.value) };
}

// The allowed value nearest to a text, and whether the text was one itself.
export function nearest(field, text) {
  const { kind, min, max, step, options, initial } = field;
  const asked = text.trim() === "" ? NaN : Number(text);
  if (kind === "text") return [text, true];
  if (kind === "switch") return [text === "1", text === "0" || text === "1"];
  if (kind === "number") {
    if (Number.isNaN(asked)) return [initial, false];
    const steps = Math.round((Math.max(min, Math.min(max, asked)) - min) / step);
    const value = Number((min + steps * step).toPrecision(6));
    return [value, value === asked];
  }
  if (options.includes(text)) return [text, true];
  if (typeof initial !== "number" || Number.isNaN(asked)) return [initial, false];
  const away = (option) => Math.abs(option - asked);
  const value = options.reduce((best, option) => (away(option) < away(best) ? option : best));
  return [value, value === asked];
}

export class Fields {
  constructor(form) {
    this.elements = [...form.elements].filter((element) => element.name);
    this.fields = this.elements.map(fieldOf);
  }

  // The settings as the form has them: numbers, booleans and words by name.
  get settings() {
    const value = ({ kind, options }, element) => {
      if (kind === "switch") return element.checked;
      if (kind === "number" || typeof options?.[0] === "number") return Number(element.value);
      return element.value;
    };
    return Object.fromEntries(
      this.fields.map((field, k) => [field.name, value(field, this.elements[k])])
    );
  }

  set(name, value) {
    const k = this.fields.findIndex((field) => field.name === name);
    if (this.fields[k].kind === "switch") this.elements[k].checked = value;
    else this.elements[k].value = value;
  }

  // The settings as an address writes them.
  get text() {
    const settings = this.settings;
    if (settings.data !== "drawn") delete settings.points;
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(settings))
      asked.set(name, typeof value === "boolean" ? Number(value) : value);
    return String(asked);
  }

  // Takes settings from an address; what is not in it becomes what the page began with. What was
  // wrong with it stands in `complaints`, in words.
  set text(text) {
    const asked = new URLSearchParams(text);
    this.complaints = [];
    for (const field of this.fields) {
      const given = asked.get(field.name);
      const [value, allowed] = given === null ? [field.initial, true] : nearest(field, given);
      this.set(field.name, value);
      const said = typeof value === "boolean" ? Number(value) : value;
      if (!allowed) this.complaints.push(`${field.name} cannot be “${given}” and is ${said}`);
      asked.delete(field.name);
    }
    for (const name of asked.keys()) this.complaints.push(`“${name}” is no setting`);
  }
}
