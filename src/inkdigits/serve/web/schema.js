/** JSON Schemas in words: what a value may be, and the fields that it has. */

import { make } from "./element.js";

const WORDS = { string: "text", integer: "whole number", number: "number", boolean: "true or false", null: "null" };

/** What a schema says a value is, as an element. */
export function kindOf(schema) {
  return make("span", { class: "kind" }, ...parts(schema));
}

/** The fields of whatever objects a schema speaks of, as an element; null where there are none. */
export function fieldsOf(schema) {
  const object = objectIn(schema);
  if (!object) return null;
  const rows = Object.entries(object.properties).map(([name, field]) => row(name, field, object));
  return make("dl", { class: "fields" }, ...rows);
}

function row(name, field, object) {
  const isNeeded = (object.required ?? []).includes(name);
  const optional = isNeeded ? null : make("span", { class: "note" }, " optional");
  const says = field.description ? make("p", { class: "note" }, field.description) : null;
  return make("div", {}, make("dt", {}, make("code", {}, name), optional), make("dd", {}, kindOf(field), says, fieldsOf(field)));
}

function objectIn(schema) {
  if (schema.properties && schema.type === "object") return schema;
  const inner = [schema.items, ...(schema.anyOf ?? [])].filter((each) => each && typeof each === "object");
  return inner.map(objectIn).find((each) => each) ?? null;
}

function parts(schema) {
  if (schema.$ref) return [reference(schema.$ref)];
  if (schema.anyOf) return between(schema.anyOf.map(parts), " or ");
  if (schema.allOf) return parts(schema.allOf[0]);
  if (schema.enum) return [schema.enum.map((each) => JSON.stringify(each)).join(", ")];
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (Array.isArray(schema.type)) return between(schema.type.map((type) => parts({ ...schema, type })), " or ");
  if (schema.type === "array") return list(schema);
  if (schema.type === "object") return object(schema);
  return [plain(schema)];
}

function list({ items, prefixItems, minItems = 0, maxItems }) {
  if (prefixItems) return ["[", ...between(prefixItems.map(parts), ", "), "]"];
  const limits = range(minItems || undefined, maxItems);
  return [limits ? `list (${limits}) of ` : "list of ", ...parts(items ?? {})];
}

function object({ properties, additionalProperties }) {
  if (properties) return ["object"];
  return typeof additionalProperties === "object" ? ["object, each value a ", ...parts(additionalProperties)] : ["object"];
}

function plain(schema) {
  if (schema.format === "binary") return "bytes";
  if (schema.format === "digit-image") return "digit image";
  const limits = range(schema.minimum, schema.maximum);
  const length = schema.maxLength ? `${schema.maxLength} characters at most` : "";
  return [WORDS[schema.type] ?? "anything", limits, schema.format, length].filter(Boolean).join(", ");
}

function range(least, most) {
  const [from, to] = [least, most].map((limit) => limit?.toLocaleString("en"));
  if (most === undefined) return least ? `${from} or more` : "";
  return least === most ? from : `${from ?? 0}…${to}`;
}

function reference(path) {
  const name = path.split("/").at(-1);
  return make("a", { href: `#schema-${name}` }, name);
}

function between(groups, separator) {
  return groups.flatMap((group, at) => (at ? [separator, ...group] : group));
}
