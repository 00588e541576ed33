using System.Globalization;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>The Linux capabilities that ports need, and whether the calling thread has them.</summary>
internal static class Capabilities
{
    public const string NetAdmin = "CAP_NET_ADMIN", NetRaw = "CAP_NET_RAW", SysAdmin = "CAP_SYS_ADMIN", Bpf = "CAP_BPF";

    private static readonly Dictionary<string, int> _bits = new() { [NetAdmin] = 12, [NetRaw] = 13, [SysAdmin] = 21, [Bpf] = 39 };

    /// <summary>The first of the needed ones that is missing, null when all are there.</summary>
    public static string? Missing(params ReadOnlySpan<string> needed)
    {
        ulong effective = Effective();
        foreach (string name in needed)
            if ((effective >> _bits[name] & 1) == 0) return name;
        return null;
    }

    private static ulong Effective()
    {
        foreach (string line in File.ReadLines("/proc/thread-self/status"))
            if (line.StartsWith("CapEff:", StringComparison.Ordinal)) return ulong.Parse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return 0;
    }
}
