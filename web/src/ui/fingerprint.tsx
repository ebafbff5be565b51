// A fingerprint as it is read over the telephone: four rows of four groups of four.
export function groupsOf(fingerprint: string): string[] {
  const digits = fingerprint.replace(/[^0-9A-Fa-f]/g, '').toUpperCase();
  return digits.match(/.{1,4}/g) ?? [];
}

export function Fingerprint({ value }: { value: string }) {
  return (
    <div className="fingerprint mono">
      {groupsOf(value).map((group, at) => (
        <span key={`${group}${at}`}>{group}</span>
      ))}
    </div>
  );
}
