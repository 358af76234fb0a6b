#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The JSON of sample reports against docs/report.schema.json; also that the schema describes every key that we
# write, that no object has a key twice, and that compact and pretty say the same.
python=/usr/bin/python3
srcdir=${srcdir:-.}

if ! $python -W ignore -c 'import jsonschema' 2>/dev/null; then
	echo "SKIP: no jsonschema for $python (Debian: python3-jsonschema)"
	exit 77
fi

dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
for which in full empty long; do
	for form in json pretty; do
		tests/unit/test-report $which $form >"$dir/$which-$form" || exit 1
	done
done

$python -W ignore - "$srcdir/docs/report.schema.json" "$dir" <<'END'
import copy, json, os, sys
import jsonschema

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)

def closed(node):
    """The schema with no room for keys that it does not describe."""
    if isinstance(node, list):
        return [closed(n) for n in node]
    if not isinstance(node, dict):
        return node
    node = {k: closed(v) for k, v in node.items()}
    if "properties" in node and "oneOf" not in node and node.get("type") == "object":
        node["additionalProperties"] = False
    return node

def once(pairs):
    keys = [k for k, _ in pairs]
    twice = {k for k in keys if keys.count(k) > 1}
    if twice:
        sys.exit(f"keys twice in one object: {twice}")
    return dict(pairs)

def depth(node):
    if isinstance(node, dict):
        node = list(node.values())
    return 1 + max(map(depth, node), default=0) if isinstance(node, list) else 0

def check(name, schema, doc):
    for e in jsonschema.Draft202012Validator(schema).iter_errors(doc):
        best = jsonschema.exceptions.best_match([e])
        sys.exit(f"{name}: {'/'.join(map(str, best.absolute_path))}: {best.message[:400]}")

strict = closed(copy.deepcopy(schema))
for which in "full", "empty", "long":
    docs = []
    for form in "json", "pretty":
        with open(os.path.join(sys.argv[2], f"{which}-{form}"), "rb") as f:
            raw = f.read()
        docs.append(json.loads(raw.decode("utf-8", "strict"), object_pairs_hook=once,
                               parse_constant=lambda c: sys.exit(f"{c} in {which}")))
        if form == "json" and raw.count(b"\n") != 1:
            sys.exit(f"{which}: compact form has several lines")
    if docs[0] != docs[1]:
        sys.exit(f"{which}: compact and pretty differ")
    check(f"{which}, schema", schema, docs[0])
    check(f"{which}, undescribed keys", strict, docs[0])
    if depth(docs[0]) > 127:
        sys.exit(f"{which}: nested too deeply")
    print(f"{which}: valid")
END
