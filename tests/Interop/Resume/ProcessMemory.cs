using System.Globalization;

namespace Gateway.Interop.Resume;

/// <summary>One mapping of a process, as <c>/proc/PID/smaps</c> tells it.</summary>
/// <param name="Flags">Two letters each: <c>dd</c> is left out of core dumps, <c>lo</c> is locked.</param>
public sealed record Mapping(ulong Start, ulong End, string Permissions, string Name, IReadOnlySet<string> Flags)
{
    public bool IsLeftOutOfDumps => Flags.Contains("dd");

    public bool IsLocked => Flags.Contains("lo");

    public override string ToString() => $"{Start:x}-{End:x} {Permissions} {Name} [{string.Join(' ', Flags)}]";
}

/// <summary>Looks for octets in all the memory of a process that can be read.</summary>
public static class ProcessMemory
{
    public static IReadOnlyList<Mapping> Mappings(int process)
    {
        var (found, head) = (new List<Mapping>(), Array.Empty<string>());
        foreach (var line in File.ReadLines($"/proc/{process}/smaps"))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0].Contains('-', StringComparison.Ordinal)) head = words;
            else if (words[0] == "VmFlags:")
            {
                var ends = head[0].Split('-');
                found.Add(new Mapping(
                    ulong.Parse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), ulong.Parse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                    head[1], head.Length > 5 ? head[5] : "", words[1..].ToHashSet()));
            }
        }

        return found;
    }

    /// <summary>Where each pattern lies.</summary>
    public static IEnumerable<(Mapping Mapping, ulong At, string Pattern)> Find(int process, IReadOnlyDictionary<string, byte[]> patterns)
    {
        const int Step = 1 << 20;
        var longest = patterns.Values.Max(p => p.Length);
        var buffer = new byte[Step + longest];
        using var memory = File.OpenHandle($"/proc/{process}/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        foreach (var mapping in Mappings(process).Where(m => m.Permissions[0] == 'r' && m.Name is not ("[vvar]" or "[vsyscall]" or "[vvar_vclock]")))
        {
            for (var at = mapping.Start; at < mapping.End; at += Step)
            {
                var length = (int)Math.Min((ulong)buffer.Length, mapping.End - at);
                try
                {
                    length = RandomAccess.Read(memory, buffer.AsSpan(0, length), (long)at);
                }
                catch (IOException)
                {
                    break; // gone meanwhile, or behind the end of its file
                }

                foreach (var (name, pattern) in patterns)
                    for (int from = 0, next; (next = buffer.AsSpan(from, length - from).IndexOf(pattern)) >= 0; from += next + 1) yield return (mapping, at + (ulong)(from + next), name);
            }
        }
    }
}
