using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Io.Takeover;

/// <summary>
/// Takes devices from the host's kernel and gives them back as they were. Every change is written down first, so that the next start can take over where a killed process left, or undo it.
/// What a former process had taken stays taken (and silent) until it is taken again or <see cref="ReleaseUnclaimed"/> gives it back: between a crash and the next start the kernel must not answer
/// or forward in the gateway's place. One caller at a time.
/// </summary>
internal sealed class KernelTakeover : IDisposable
{
    private readonly RouteNetlink _route;
    private readonly string? _path;
    private readonly Dictionary<string, TakenDevice> _taken = [];
    private readonly HashSet<string> _claimed = [];
    private readonly TakeoverState _own = TakeoverState.Own();

    /// <param name="route">Netlink of the namespace that the devices live in.</param>
    /// <param name="path">The state file; null remembers nothing over a crash.</param>
    public KernelTakeover(RouteNetlink route, string? path)
    {
        _route = route;
        _path = path;
        if (path is null || TakeoverState.Read(path) is not { } left) return;
        if (left.IsHeld && left.ProcessId != Environment.ProcessId)
            throw new InvalidOperationException($"{path} belongs to process {left.ProcessId}, which still runs; two gateways cannot share it.");

        // After a boot, or in another namespace, there is nothing of ours left to undo.
        if (left.BootId != _own.BootId || left.Namespace != _own.Namespace) File.Delete(path);
        else foreach (TakenDevice device in left.Devices) _taken[device.Name] = device;
    }

    /// <summary>Names of the devices that are taken, by this process or a former one.</summary>
    public IReadOnlyCollection<string> Taken => _taken.Keys;

    /// <summary>Takes a device; null when done, else why not, in a sentence.</summary>
    public string? Take(LinkInfo link, bool takeOver)
    {
        if (link.IsLoopback) return $"{link.Name} is a loopback device.";
        if (link.Master != 0) return $"{link.Name} belongs to a bridge or bond of the host; take that one, or free it first.";
        TakenDevice? before = _taken.GetValueOrDefault(link.Name);
        if (before is not null && before.Index != link.Index) before = null;
        List<KernelAddress> addresses = [.. _route.Addresses(link.Index).Where(a => !a.IsTemporary)];
        List<KernelRoute> routes = [.. _route.Routes().Where(r => !r.IsKernels && r.Devices.Contains(link.Index))];
        if (!takeOver)
        {
            // What a former run took counts as the host's, too, once it is no longer to be taken.
            if (before is { Addresses.Count: > 0 } && !_claimed.Contains(link.Name))
            {
                Release(link.Name);
                return Take(link, takeOver: false);
            }

            if (Refusal(link, addresses, routes, _route.Links().Where(l => l.LivesOn(link))) is { } refusal) return refusal;
        }

        if (routes.FirstOrDefault(r => r.Devices.Any(d => d != link.Index)) is { } shared) return $"The host's route {shared} uses other devices besides {link.Name}; remove it first.";
        Remember(link, before, addresses, routes);
        try
        {
            Silence(link, addresses, routes);
        }
        catch (KernelException)
        {
            Release(link.Name);
            throw;
        }

        _claimed.Add(link.Name);
        return null;
    }

    /// <summary>A taken device went away and came back: the kernel made it anew, talkative and without our hook.</summary>
    public string? TakeAgain(LinkInfo link, bool takeOver)
    {
        _claimed.Remove(link.Name);
        return Take(link, takeOver);
    }

    /// <summary>Gives a device back as it was.</summary>
    public void Release(string device)
    {
        if (!_taken.TryGetValue(device, out TakenDevice? taken)) return;
        LinkInfo? link = _route.Link(device);
        if (link is not null) GiveBack(taken, link);
        IngressDrop.Remove(device);
        _taken.Remove(device);
        _claimed.Remove(device);
        Save();
    }

    /// <summary>Gives back what a former process took and this one did not take again; returns the names.</summary>
    public IReadOnlyList<string> ReleaseUnclaimed()
    {
        List<string> unclaimed = [.. _taken.Keys.Where(d => !_claimed.Contains(d))];
        foreach (string device in unclaimed) Release(device);
        return unclaimed;
    }

    /// <summary>Gives everything back.</summary>
    public void Dispose()
    {
        foreach (string device in _taken.Keys.ToList())
            try
            {
                Release(device);
            }
            catch (KernelException)
            {
                // The others are still to be given back; this one stays in the file for the next start.
            }
    }

    private static string? Refusal(LinkInfo link, List<KernelAddress> addresses, List<KernelRoute> routes, IEnumerable<LinkInfo> upon)
    {
        List<string> found =
        [
            .. addresses.Where(a => !a.IsLinkLocal).Select(a => $"the kernel's address {a}"),
            .. routes.Where(r => r.IsDefault).Select(r => $"the host's default route{(r.Via is null ? "" : $" via {r.Via}")}"),
            .. upon.Select(l => $"the host's device {l.Name}"),
        ];
        return found.Count == 0 ? null : $"{link.Name} carries {string.Join(" and ", found)}; set take_over to take it from the host.";
    }

    private void Remember(LinkInfo link, TakenDevice? before, List<KernelAddress> addresses, List<KernelRoute> routes)
    {
        TakenDevice found = new()
        {
            Name = link.Name,
            Index = link.Index,
            WasUp = before?.WasUp ?? link.IsUp,
            DisableIpv6 = before?.DisableIpv6 ?? DeviceSettings.ReadDisableIpv6(link.Name),
            HadLargeReceive = (before?.HadLargeReceive ?? false) || DeviceSettings.HasLargeReceive(link.Name),
            Addresses = [.. before?.Addresses ?? [], .. addresses.Select(a => new KernelEntry(a.ToString(), a.Message))],
            Routes = [.. before?.Routes ?? [], .. routes.OrderBy(r => r.Via is not null).Select(r => new KernelEntry(r.ToString(), r.Message))],
        };
        _taken[link.Name] = found;
        Save();
    }

    /// <summary>The hook comes first: from there on no packet meets a half-undressed kernel.</summary>
    private void Silence(LinkInfo link, List<KernelAddress> addresses, List<KernelRoute> routes)
    {
        IngressDrop.Put(link.Name);
        foreach (KernelRoute route in routes) _route.Remove(route);
        foreach (KernelAddress address in addresses) _route.Remove(address);
        DeviceSettings.TryWrite(6, link.Name, "disable_ipv6", "1");
        if (_taken[link.Name].HadLargeReceive) DeviceSettings.SetLargeReceive(link.Name, on: false);
        if (!link.IsUp) _route.SetLink(link.Index, up: true);
    }

    private void GiveBack(TakenDevice taken, LinkInfo link)
    {
        if (taken.DisableIpv6 is not null) DeviceSettings.TryWrite(6, taken.Name, "disable_ipv6", taken.DisableIpv6);
        if (taken.HadLargeReceive) DeviceSettings.SetLargeReceive(taken.Name, on: true);
        if (link.Index != taken.Index) return;
        foreach (KernelEntry entry in taken.Addresses) Restore(() => _route.Add(new KernelAddress(link.Index, System.Net.IPAddress.Any, 0, false, entry.Message)));
        foreach (KernelEntry entry in taken.Routes) Restore(() => _route.Add(new KernelRoute(System.Net.IPAddress.Any, 0, null, [], 0, false, entry.Message)));
        if (!taken.WasUp) _route.SetLink(link.Index, up: false);
    }

    /// <summary>One entry that no longer fits must not keep the rest from coming back.</summary>
    private static void Restore(Action put)
    {
        try
        {
            put();
        }
        catch (KernelException e) when (!e.IsPermission)
        {
            // The host changed meanwhile: another address took its place, or its next hop is gone.
        }
    }

    private void Save()
    {
        if (_path is not null) (_own with { Devices = [.. _taken.Values] }).Write(_path);
    }
}
