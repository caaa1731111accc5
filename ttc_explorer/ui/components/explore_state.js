// The state of the address that Explore's controls say: what the strategy does not read is left out. SETTINGS, by strategy,
// stands before this.
({ length, rule, ...values }) => {
  const known = { ...values, ...JSON.parse(rule || "{}"), chains: values.n >> Math.min(length, Math.floor(Math.log2(values.n))) };
  const unread = new Set(Object.values(SETTINGS).flat());
  for (const name of SETTINGS[values.strategy] ?? []) unread.delete(name);
  for (const name of unread) delete known[name];
  return known;
}
