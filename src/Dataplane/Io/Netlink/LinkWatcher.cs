using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>What happened to a device: it appeared or changed (<see cref="Link"/> is there), or it is gone.</summary>
/// <param name="Device">The device's name; after a renaming the old name is reported gone.</param>
public sealed record LinkChange(string Device, LinkInfo? Link);

/// <summary>Tells on a thread of its own when devices of the namespace it was made in appear, change or vanish. It starts by reporting all that are there.</summary>
internal sealed class LinkWatcher : IDisposable
{
    private const uint _linkGroup = 1;
    private readonly NetlinkSocket _notices = new(NetlinkSocket.Route, _linkGroup);
    private readonly RouteNetlink _route = new();
    private readonly Descriptor _stop;
    private readonly Action<LinkChange> _changed;
    private readonly Thread _thread;
    private Dictionary<int, LinkInfo> _known = [];

    public LinkWatcher(Action<LinkChange> changed)
    {
        _changed = changed;
        _stop = new Descriptor(Libc.EventFd(0, 0x80000));
        _thread = new Thread(Watch) { IsBackground = true, Name = "link-watcher" };
        _thread.Start();
    }

    public unsafe void Dispose()
    {
        ulong one = 1;
        _ = Libc.Write(_stop.Number, &one, sizeof(ulong));
        _thread.Join();
        _notices.Dispose();
        _route.Dispose();
        _stop.Dispose();
    }

    private void Watch()
    {
        Compare();
        Span<Libc.PollEntry> polled = [new() { Fd = _notices.Fd.Number, Events = Libc.PollIn }, new() { Fd = _stop.Number, Events = Libc.PollIn }];
        while (true)
        {
            _ = Libc.Poll(polled, -1);
            if (polled[1].Returned != 0) return;
            if (polled[0].Returned != 0 && !_notices.ReadNotices(Notice)) Compare();
        }
    }

    private void Notice(ushort type, ReadOnlySpan<byte> payload)
    {
        if (!RouteNetlink.IsLink(type) || RouteNetlink.TryReadLink(payload) is not { } link) return;
        _known.TryGetValue(link.Index, out LinkInfo? before);
        if (RouteNetlink.IsRemoval(type))
        {
            if (_known.Remove(link.Index)) _changed(new(before!.Name, null));
            return;
        }

        _known[link.Index] = link;
        if (before is not null && before.Name != link.Name) _changed(new(before.Name, null));
        if (before != link) _changed(new(link.Name, link));
    }

    /// <summary>Reads everything anew: at the start, and after notices were lost.</summary>
    private void Compare()
    {
        Dictionary<int, LinkInfo> now = _route.Links().ToDictionary(l => l.Index);
        foreach ((int index, LinkInfo link) in _known)
            if (!now.TryGetValue(index, out LinkInfo? same) || same.Name != link.Name) _changed(new(link.Name, null));
        foreach ((int index, LinkInfo link) in now)
            if (!_known.TryGetValue(index, out LinkInfo? before) || before != link) _changed(new(link.Name, link));
        _known = now;
    }
}
