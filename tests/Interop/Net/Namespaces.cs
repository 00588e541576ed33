using System.Globalization;
using Xunit;

namespace Gateway.Interop.Net;

/// <summary>
/// A small network of its own: namespaces joined by veth pairs, torn down with everything that was started inside when disposed,
/// also when the test failed or the process ends by itself.
/// Names carry the process id, so that runs beside each other do not meet and what a killed run left is swept by the next one.
/// </summary>
public sealed class Namespaces : IDisposable
{
    private const string _prefix = "gwt";
    private static int _made;
    private readonly List<Netns> _members = [];
    private readonly string _stem = string.Create(CultureInfo.InvariantCulture, $"{_prefix}{Environment.ProcessId}x{Interlocked.Increment(ref _made)}-");
    private bool _disposed;

    /// <summary>Skips the calling test, saying why, where namespaces cannot be made.</summary>
    public Namespaces()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("Needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) to make network namespaces.");
        Sweep();
        AppDomain.CurrentDomain.ProcessExit += AtExit;
    }

    public IReadOnlyList<Netns> Members => _members;

    /// <summary>Makes a namespace with a running loopback device, no duplicate address detection and no reverse path filter.</summary>
    public Netns Add(string name)
    {
        Shell.Must("ip", ["netns", "add", _stem + name]);
        Netns made = new(_stem + name);
        _members.Add(made);
        made.Must("ip link set lo up");
        made.Sysctl("net.ipv6.conf.all.accept_dad", 0);
        made.Sysctl("net.ipv6.conf.default.accept_dad", 0);
        made.Sysctl("net.ipv4.conf.all.rp_filter", 0);
        made.Sysctl("net.ipv4.conf.default.rp_filter", 0);
        return made;
    }

    /// <summary>Joins two namespaces by a veth pair; both ends are up and have no address.</summary>
    public void Link(Netns a, string deviceA, Netns b, string deviceB, int mtu = 1500)
    {
        Shell.Must("ip", ["link", "add", "name", deviceA, "netns", a.Name, "mtu", Text(mtu), "type", "veth", "peer", "name", deviceB, "netns", b.Name, "mtu", Text(mtu)]);
        a.Must($"ip link set dev {deviceA} up");
        b.Must($"ip link set dev {deviceB} up");
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        AppDomain.CurrentDomain.ProcessExit -= AtExit;
        foreach (Netns member in _members) member.StopAll();
        foreach (Netns member in _members) Shell.Try("ip", ["netns", "del", member.Name]);
    }

    private void AtExit(object? sender, EventArgs e) => Dispose();

    /// <summary>Removes namespaces of test processes that no longer live (a run that was killed).</summary>
    private static void Sweep()
    {
        if (!Directory.Exists("/run/netns")) return;
        foreach (string path in Directory.EnumerateFiles("/run/netns", _prefix + "*"))
        {
            string name = Path.GetFileName(path);
            int end = name.IndexOf('x', StringComparison.Ordinal);
            if (end < 0 || !int.TryParse(name.AsSpan(_prefix.Length, end - _prefix.Length), out int owner)) continue;
            if (!Directory.Exists($"/proc/{owner}")) Shell.Try("ip", ["netns", "del", name]);
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
