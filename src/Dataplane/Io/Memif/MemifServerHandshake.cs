using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>The server's side of connecting: the client names an interface, gives memory and rings, and says that it is done. Everything it says is checked before it is used.</summary>
/// <param name="find">The port of an interface id; or why there is none.</param>
internal sealed class MemifServerHandshake(Func<uint, (MemifPort? Port, MemifFault Fault)> find) : IDisposable
{
    /// <summary>Rings that a client may have in each direction.</summary>
    public const int MaxRings = 8;

    private readonly SortedDictionary<int, MemifRegion> _regions = [];
    private readonly SortedDictionary<int, MemifRing> _receive = [], _transmit = [];
    private bool _done;

    /// <summary>The port that the client asked for, once it has.</summary>
    public MemifPort? Port { get; private set; }

    /// <summary>The connection, once the client is done; the caller's to dispose.</summary>
    public MemifLink? Link { get; private set; }

    private string _peer = "";

    /// <summary>The server's first word.</summary>
    public static MemifMessage Hello() => new MemifMessage.Hello("gateway", MemifMessage.Version, MemifMessage.Version, MemifLink.MaxRegions - 1, MaxRings - 1, MaxRings - 1, MemifRing.MaxLog2Size);

    /// <summary>Takes a message and the descriptor that came with it, which is the handshake's now. The reply is to be sent when there is no fault.</summary>
    public MemifFault Step(MemifMessage message, Descriptor? carried, out MemifMessage reply)
    {
        reply = new MemifMessage.Ack();
        if (carried is null == message is MemifMessage.AddRegion or MemifMessage.AddRing)
        {
            carried?.Dispose();
            return MemifFault.Unexpected;
        }

        switch (message)
        {
            case MemifMessage.Init init when Port is null:
                return Begin(init);
            case MemifMessage.AddRegion region when Port is not null:
                return AddRegion(region, carried!);
            case MemifMessage.AddRing ring when Port is not null:
                return AddRing(ring, carried!);
            case MemifMessage.Connect when Port is not null:
                reply = new MemifMessage.Connected("gateway");
                return Finish();
            default:
                carried?.Dispose();
                return message is MemifMessage.Disconnect ? MemifFault.PeerLeft : MemifFault.Unexpected;
        }
    }

    /// <summary>Frees what was given so far, unless it went over to <see cref="Link"/>.</summary>
    public void Dispose()
    {
        if (_done) return;
        _done = true;
        foreach (MemifRing ring in _receive.Values.Concat(_transmit.Values)) ring.Wake.Dispose();
        foreach (MemifRegion region in _regions.Values) region.Dispose();
    }

    private MemifFault Begin(MemifMessage.Init init)
    {
        if (init.ChosenVersion != MemifMessage.Version) return MemifFault.Version;
        if (init.Mode != 0) return MemifFault.Mode;
        _peer = init.Name;
        (Port, MemifFault fault) = find(init.Id);
        return fault;
    }

    private MemifFault AddRegion(MemifMessage.AddRegion message, Descriptor memory)
    {
        if (message.Index >= MemifLink.MaxRegions || _regions.ContainsKey(message.Index))
        {
            memory.Dispose();
            return MemifFault.RegionRefused;
        }

        if (MemifRegion.Take(memory, message.Bytes, out MemifFault fault) is { } region) _regions[message.Index] = region;
        return fault;
    }

    private unsafe MemifFault AddRing(MemifMessage.AddRing message, Descriptor wake)
    {
        SortedDictionary<int, MemifRing> rings = message.ToServer ? _receive : _transmit;
        MemifFault fault = MemifFault.None;
        if (!MemifCalls.IsEvent(wake)) fault = MemifFault.EventRefused;
        else if (message.Index >= MaxRings || rings.ContainsKey(message.Index) || message.Log2Size > MemifRing.MaxLog2Size || message.PrivateHeader != 0
            || message.Offset % MemifRing.Alignment != 0 || !_regions.TryGetValue(message.Region, out MemifRegion? region)
            || (ulong)message.Offset + MemifRing.BytesOf(message.Log2Size) > region.Bytes)
            fault = MemifFault.RingRefused;
        else
        {
            MemifRing ring = new(region.Memory + message.Offset, message.Log2Size, wake, null, 0, 0);
            if (ring.HasCookie)
            {
                rings[message.Index] = ring;
                return MemifFault.None;
            }

            fault = MemifFault.RingRefused;
        }

        wake.Dispose();
        return fault;
    }

    private MemifFault Finish()
    {
        if (!IsWhole(_regions.Keys)) return MemifFault.RegionRefused;
        if (!IsWhole(_receive.Keys) || !IsWhole(_transmit.Keys)) return MemifFault.RingRefused;
        try
        {
            // A client begins at zero; where it does not, going on from its place is what it means.
            foreach (MemifRing ring in _receive.Values) ring.Cursor = ring.Tail;
            foreach (MemifRing ring in _transmit.Values) ring.Cursor = ring.Tail;
            Link = new MemifLink([.. _regions.Values], [.. _receive.Values], [.. _transmit.Values], _peer);
            _done = true;
            return MemifFault.None;
        }
        catch (IOException)
        {
            return MemifFault.NoSignals;
        }
    }

    /// <summary>0, 1, 2 … without a gap, and at least one.</summary>
    private static bool IsWhole(IReadOnlyCollection<int> indices) => indices.Count > 0 && indices.Max() == indices.Count - 1;
}
