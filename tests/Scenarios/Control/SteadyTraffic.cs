using System.Buffers.Binary;
using System.Net;
using Gateway.Dataplane.Io;

namespace Gateway.Scenarios.Control;

/// <summary>A flow that a gateway carries: by which wire its packets go in and come out.</summary>
/// <param name="Frame">One of its packets; the last eight octets are the number of the flow and of the packet.</param>
internal sealed record SteadyFlow(string Name, string From, string To, byte[] Frame);

/// <summary>
/// Sends a packet of each flow, waits until every one of them came out where it should, just once, and sends the next ones: as fast as the gateway is, and by itself it never overflows a wire. So whatever is missing was lost.
/// </summary>
internal sealed class SteadyTraffic : IDisposable
{
    /// <summary>A packet that did not come out after this is lost.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly IReadOnlyList<SteadyFlow> _flows;
    private readonly Dictionary<string, InMemoryPort> _wires;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _go = new(initialState: true);
    private readonly ManualResetEventSlim _rests = new(initialState: false);
    private long _rounds;
    private volatile bool _stop;
    private volatile string? _trouble;

    public SteadyTraffic(MemoryGateway gateway, IReadOnlyList<SteadyFlow> flows)
    {
        _flows = flows;
        _wires = flows.SelectMany(f => new[] { f.From, f.To }).Distinct().ToDictionary(name => name, gateway.Wire);
        _thread = new Thread(Run) { IsBackground = true, Name = "traffic" };
        _thread.Start();
    }

    /// <summary>What was lost or came out wrong; null nothing.</summary>
    public string? Trouble => _trouble;

    /// <summary>Packets of each flow that came out.</summary>
    public long Rounds => Interlocked.Read(ref _rounds);

    /// <summary>Waits until so many more packets of each flow came out, or one was lost.</summary>
    public void Flow(int rounds)
    {
        for (var end = Rounds + rounds; Rounds < end && _trouble is null;) Thread.Sleep(1);
    }

    /// <summary>Ends with all packets that are under way; <see cref="Resume"/> goes on.</summary>
    public void Pause()
    {
        _rests.Reset();
        _go.Reset();
        _rests.Wait();
        foreach (var wire in _wires.Values)
            while (wire.CollectBytes() is not null)
            {
            }
    }

    public void Resume() => _go.Set();

    public void Dispose()
    {
        _stop = true;
        _go.Set();
        _thread.Join();
        _go.Dispose();
        _rests.Dispose();
    }

    private void Run()
    {
        var came = new bool[_flows.Count];
        for (uint round = 1; !_stop && _trouble is null; round++)
        {
            if (!_go.IsSet)
            {
                _rests.Set();
                _go.Wait();
                if (_stop) return;
            }

            Array.Clear(came);
            for (var i = 0; i < _flows.Count; i++)
            {
                var frame = _flows[i].Frame;
                BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(frame.Length - 8), i);
                BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(frame.Length - 4), round);
                if (!_wires[_flows[i].From].Offer(frame)) _trouble = $"no room for a packet of {_flows[i].Name}";
            }

            var since = Environment.TickCount64;
            for (var missing = _flows.Count; missing > 0 && _trouble is null;)
            {
                foreach (var (name, wire) in _wires)
                    while (wire.CollectBytes() is { } frame) missing -= Take(name, frame, round, came);
                if (missing == 0) break;
                if (Environment.TickCount64 - since > _patience.TotalMilliseconds) _trouble = $"lost in round {round}: {string.Join(", ", _flows.Where((_, i) => !came[i]).Select(f => f.Name).Distinct())}";
                Thread.Yield();
            }

            Interlocked.Increment(ref _rounds);
        }

        _rests.Set();
    }

    private int Take(string wire, byte[] frame, uint round, bool[] came)
    {
        // What is not from here is the gateway's own: announcements of addresses, advertisements of a router.
        if (frame.Length < 60 || !frame.AsSpan(frame.Length - 16, 8).SequenceEqual("steady!!"u8)) return 0;
        var (flow, number) = (BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(frame.Length - 8)), BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(frame.Length - 4)));
        if (number != round || came[flow] || _flows[flow].To != wire)
        {
            _trouble = $"packet {number} of {_flows[flow].Name} came out of {wire}{(number == round && came[flow] ? " a second time" : "")} in round {round}";
            return 0;
        }

        came[flow] = true;
        return 1;
    }

    /// <summary>A frame of UDP whose payload ends with the mark by which it is known again.</summary>
    public static byte[] Udp(string toMac, string fromMac, string source, string destination, ushort port)
    {
        const int payload = 32;
        var (from, to) = (IPAddress.Parse(source).GetAddressBytes(), IPAddress.Parse(destination).GetAddressBytes());
        var header = from.Length == 4 ? 20 : 40;
        var frame = new byte[14 + header + 8 + payload];
        Mac(toMac).CopyTo(frame, 0);
        Mac(fromMac).CopyTo(frame, 6);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), (ushort)(header == 20 ? 0x0800 : 0x86DD));
        var ip = frame.AsSpan(14);
        if (header == 20)
        {
            ip[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            (ip[8], ip[9]) = (64, 17);
            from.CopyTo(ip[12..]);
            to.CopyTo(ip[16..]);
            var sum = 0u;
            for (var i = 0; i < 20; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
            while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~sum);
        }
        else
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], 8 + payload);
            (ip[6], ip[7]) = (17, 64);
            from.CopyTo(ip[8..]);
            to.CopyTo(ip[24..]);
        }

        var udp = ip[header..];
        BinaryPrimitives.WriteUInt16BigEndian(udp, port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], 2000);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], 8 + payload);
        "steady!!"u8.CopyTo(udp[(udp.Length - 16)..]);
        // Routers do not look at the checksum of UDP; of IPv6 it must only not be 0.
        if (header == 40) BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 1);
        return frame;
    }

    private static byte[] Mac(string text) => [.. text.Split(':').Select(t => Convert.ToByte(t, 16))];
}
