using System.Security.Cryptography;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Explain;

/// <summary>
/// A dataplane of the same graph and tables as the one that carries packets, with memory in place of every device, neighbors that always answer, and SAs with keys made up on the spot. A packet's way through it
/// is the way it would take, since the same code decides; nothing leaves, and nobody else's tables are touched. Used by one thread at a time.
/// </summary>
public sealed unsafe class DataplaneTwin : IDisposable
{
    /// <summary>Packets of the pool: copies of a flooded frame, what waits, and a few more.</summary>
    private const int Buffers = 1024;

    /// <summary>Loops after which a packet that still goes around is left to itself.</summary>
    private const int MaxLoops = 256;

    /// <summary>Stations that are not there: locally administered addresses.</summary>
    private const ulong Station = 0x0100_5E00_0002, Neighbor = 0x0200_5E00_0002, Unknown = 0x0300_5E00_0002;

    private readonly TwinPorts _ports;
    private readonly InMemoryPort? _host;
    private readonly uint _hostIndex;
    private readonly Worker _worker;
    private ushort _packets;

    /// <param name="deviceOf">What is known of a device by its name (of a memif interface, the interface's); null when there is none: its interface waits for it.</param>
    /// <param name="hasHost">Whether there is a host behind the gateway's own addresses.</param>
    /// <param name="ikePorts">Where datagrams for the gateway are IKE's.</param>
    public DataplaneTwin(Func<string, DeviceFacts?> deviceOf, bool hasHost = true, IkePorts? ikePorts = null)
    {
        _ports = new TwinPorts(deviceOf);
        Dataplane = new DataplaneControl(new DataplaneOptions { Buffers = Buffers, Hugepages = false, Flows = 1024, IkePorts = ikePorts ?? IkePorts.Default });
        _worker = Dataplane.Workers[0];
        if (!hasHost) return;
        _host = new InMemoryPort(Dataplane.Pool, 256);
        _hostIndex = Dataplane.AddInterface(new InterfaceSettings { Name = HostName, Type = "tap" }, _host);
        Dataplane.SetPuntInterface(_hostIndex);
    }

    /// <summary>Name of the interface behind which the twin's host is; no item can have it.</summary>
    public const string HostName = "(host)";

    /// <summary>To be programmed as the other one is.</summary>
    public DataplaneControl Dataplane { get; }

    /// <summary>Ports of memory.</summary>
    public IPortSource Ports => _ports;

    /// <summary>Lets an SA carry packets, with keys that nobody else has. False when the dataplane does not do its transforms.</summary>
    public bool Install(ChildSaParameters sa)
    {
        if (!EspTransform.TryDescribe(sa.Transforms, out var cipher)) return false;
        Span<byte> key = stackalloc byte[cipher.KeyMaterialLength];
        RandomNumberGenerator.Fill(key);
        return Dataplane.Security.InstallSa(new SaInstall { Parameters = sa, InboundKey = key, OutboundKey = key }) is SaInstallResult.Installed or SaInstallResult.AlreadyInstalled;
    }

    /// <summary>Takes over the flow that a packet belongs to from the dataplane that runs, so that it is known here too. Null when it is not known there.</summary>
    public FlowRow? Adopt(DataplaneControl running, ProbeFlow flow, WayBegin begin)
    {
        string? vrf = null;
        switch (begin)
        {
            case WayBegin.ByInterface on when running.TryFindInterface(on.Name, out var index):
                lock (running.Gate) vrf = running.NameOfVrf(running.Judged.Interfaces.Get(index).Settings.Vrf);
                break;
            case WayBegin.Own:
                return null;
        }

        if (flow.IsV6) return Adopt6(running, flow, vrf);
        if (KeyOf(flow, running.VrfIfAny(vrf)) is not { } key || running.Flows.Copy(key) is not { } copy) return null;
        var session = copy.Session;
        var number = Dataplane.VrfIfAny(vrf);
        // The other direction may be of another VRF than the packet's.
        uint There(uint vrfThere) => vrfThere == running.VrfIfAny(vrf) ? number : Dataplane.VrfIfAny(running.NameOfVrf(vrfThere));
        (session.Forward, session.Reply) = (session.Forward.WithVrf(There(session.Forward.Vrf)), session.Reply.WithVrf(There(session.Reply.Vrf)));
        (session.In, session.Out) = (Here(running, session.In), Here(running, session.Out));
        Dataplane.Flows.Adopt(session);
        return copy.Row;
    }

    private FlowRow? Adopt6(DataplaneControl running, ProbeFlow flow, string? vrf)
    {
        var packet = ProbePacket.Of(flow);
        fixed (byte* ip = packet)
        {
            var meta = new PacketMeta { L4 = 40, Length = (ushort)packet.Length, Protocol = flow.Protocol, Vrf = running.VrfIfAny(vrf) };
            if (running.Flows.Copy6(&meta, ip) is not { } copy) return null;
            var session = copy.Session;
            (session.In, session.Out) = (Here(running, session.In), Here(running, session.Out));
            meta.Vrf = Dataplane.VrfIfAny(vrf);
            Dataplane.Flows.Adopt6(session, &meta, ip, copy.Reply);
            return copy.Row;
        }
    }

    /// <summary>The number that an interface of the other dataplane has in this one.</summary>
    private ushort Here(DataplaneControl running, ushort index)
    {
        string? name;
        lock (running.Gate) name = running.Judged.Interfaces.Exists(index) ? running.Judged.Interfaces.NameOf(index) : null;
        return name is not null && Dataplane.TryFindInterface(name, out var found) ? (ushort)found : Flow.Session.UnknownInterface;
    }

    private static Flow.FlowKey? KeyOf(ProbeFlow flow, uint vrf)
    {
        var packet = ProbePacket.Of(flow);
        fixed (byte* ip = packet)
            return Flow.FlowPacket.Read(ip, flow.Protocol, ip + 20, packet.Length - 20, vrf, quoted: false, out var key) == Flow.FlowPacketKind.Flow ? key : null;
    }

    /// <summary>All is programmed: what interfaces announce when they come is over, and links that are down go down.</summary>
    public void Settle()
    {
        Loop();
        if (_ports.Ports.All(p => p.HasLink)) return;
        // Only a link that was there can be lost.
        Dataplane.Tick();
        foreach (var port in _ports.Ports) port.Memory.IsUp = port.HasLink;
        Dataplane.Tick();
        Loop();
    }

    /// <summary>Sends a packet in and follows it to its end.</summary>
    /// <param name="fault">Why it cannot begin there.</param>
    public FlowWay? Send(ProbeFlow flow, WayBegin begin, out string? fault)
    {
        var context = _worker.Context;
        Settled();
        context.Trace.Clear();
        context.Trace.Arm(0, 0);
        var before = new ReadOnlySpan<ulong>(context.Drops, context.Graph.Drops.Length).ToArray();
        fault = begin switch
        {
            WayBegin.ByInterface on => Offer(flow, on.Name, context),
            WayBegin.OutOfSa of => Decrypted(flow, of.Id, context),
            _ => Own(flow, context),
        };
        if (fault is not null) return null;
        Loop();
        context.Trace.Off();
        var after = new ReadOnlySpan<ulong>(context.Drops, context.Graph.Drops.Length);
        HashSet<int> counted = [];
        for (var i = 0; i < after.Length; i++)
            if (after[i] > before[i]) counted.Add(i);
        var steps = Dataplane.ReadTrace();
        return WayReading.Read(context.Graph, steps, counted, context.Held.Count > 0, flow, begin, _hostIndex == 0 ? null : HostName, IsPort);
    }

    public void Dispose() => Dataplane.Dispose();

    private bool IsPort(string name)
    {
        if (!Dataplane.TryFindInterface(name, out var index)) return false;
        lock (Dataplane.Gate) return Dataplane.Judged.Interfaces.Get(index).Port is not null;
    }

    /// <summary>Frees what left before.</summary>
    private void Settled()
    {
        foreach (var port in _ports.Ports) Empty(port.Memory);
        if (_host is not null) Empty(_host);
    }

    private void Empty(InMemoryPort port)
    {
        Span<uint> batch = stackalloc uint[64];
        for (var count = port.Collect(batch); count > 0; count = port.Collect(batch)) Dataplane.Pool.Free(batch[..count]);
    }

    private void Loop()
    {
        Span<uint> punted = stackalloc uint[16];
        for (var i = 0; i < MaxLoops; i++)
        {
            var worked = _worker.Step();
            while (_worker.Context.Notices.TryPop(out var notice))
            {
                Dataplane.TakeNotice(notice);
                if (notice.Kind == NoticeKind.BlockWanted)
                {
                    Dataplane.TakeNews();
                    worked = true;
                }

                if (notice.Kind != NoticeKind.NeighborWanted) continue;
                worked = true;
                Dataplane.TakeNotice(notice with { Kind = NoticeKind.NeighborLearned, A = Neighbor });
            }

            for (var count = _worker.Context.Punt.Pop(punted); count > 0; count = _worker.Context.Punt.Pop(punted)) Dataplane.Pool.Free(punted[..count]);
            if (!worked) break;
        }

        Settled();
    }

    private string? Offer(ProbeFlow flow, string name, WorkerContext context)
    {
        if (!Dataplane.TryFindInterface(name, out var index)) return $"There is no interface {name}, or it waits for its device.";
        InterfaceState state;
        lock (Dataplane.Gate) state = Dataplane.Judged.Interfaces.Get(index);
        if (state.IsTunnel) return $"What comes in by {name} comes out of a CHILD SA: write from CONNECTION/CHILD.";
        if (state.IsLoopback) return $"Nothing comes in by {name}, a loopback.";
        if (!state.Settings.Enabled) return $"The interface {name} is disabled.";
        var entry = Dataplane.Tables.Interfaces[index];
        var packet = ProbePacket.Of(flow);
        if (state.IsPointToPoint) return Begin(packet, context, flow.IsV6 ? NodeNames.Ip6Input : NodeNames.Ip4Input, index, state.Settings.Vrf, 0, 0);
        var frame = Frame(flow, packet, state, entry->Mac);
        var carrier = state;
        while (carrier.Link is InterfaceLink.Vlan vlan && carrier.Carrier is { } below)
        {
            frame = vlan.Inner is { } inner ? Tagged(Tagged(frame, inner), vlan.Outer) : Tagged(frame, vlan.Outer);
            carrier = below;
        }

        if (carrier.Port is not null)
        {
            context.Trace.Arm(1, 0);
            _packets++;
            var port = carrier.Index == _hostIndex ? _host : (carrier.Port as FactoryPort)?.Device is TwinPort twin ? twin.Memory : null;
            return port?.Offer(frame) == true ? null : "The packet is too long.";
        }

        var node = entry->InputNode == 0 ? NodeNames.EthernetInput : context.Graph.Nodes[entry->InputNode].Info.Name;
        return Begin(frame, context, node, index, 0, 0, 0);
    }

    private string? Decrypted(ProbeFlow flow, ChildSaId id, WorkerContext context)
    {
        SaEntry* entry;
        ChildSaParameters? sa;
        lock (Dataplane.Gate) entry = Dataplane.Security.EntryOf(id, out sa);
        if (entry == null || sa is null) return "There is no such CHILD SA.";
        if (!Within(sa.LocalSelectors, flow.Destination, flow.Protocol, flow.DestinationPort, flow) || !Within(sa.RemoteSelectors, flow.Source, flow.Protocol, flow.SourcePort, flow))
            return $"{sa.Connection}/{sa.Child} would refuse such a packet: it lies outside its selectors, {string.Join(' ', sa.RemoteSelectors)} to {string.Join(' ', sa.LocalSelectors)} (esp4-decrypt/outside-selectors).";
        var on = entry->Interface;
        if (sa.IfIdIn != 0 && on == 0) return $"{sa.Connection}/{sa.Child} has the if_id {sa.IfIdIn}, and no ipsec interface with it is there.";
        // Without an interface of its own it arrives where its outer packet does.
        if (on == 0) Dataplane.TryRoute(0, sa.RemoteAddress, out _, out on);
        return Begin(ProbePacket.Of(flow), context, flow.IsV6 ? NodeNames.Ip6Input : NodeNames.Ip4Input, on, entry->Vrf, PacketFlags.Decrypted, entry->Index);
    }

    private string? Own(ProbeFlow flow, WorkerContext context) => Begin(ProbePacket.Of(flow), context, flow.IsV6 ? NodeNames.Ip6Lookup : NodeNames.Ip4Lookup, 0, 0, PacketFlags.Own, 0);

    private string? Begin(byte[] bytes, WorkerContext context, string node, uint on, uint vrf, PacketFlags flags, uint sa)
    {
        var index = PacketCopy.FromBytes(Dataplane.Pool, bytes);
        if (index == 0) return "The packet is too long.";
        var meta = Dataplane.Pool.Meta(index);
        (meta->RxInterface, meta->Vrf, meta->Sa) = (on, vrf, sa);
        meta->Flags |= flags | PacketFlags.Traced;
        meta->TraceId = (ushort)(0x8000 | ++_packets);
        // For those who come behind ip input; it sets them anew.
        meta->L3 = meta->Offset;
        var isV6 = bytes[0] >> 4 == 6;
        meta->L4 = (ushort)(meta->Offset + (isV6 ? 40 : 20));
        meta->Protocol = isV6 ? bytes[6] : bytes[9];
        context.Enqueue(context.Graph.Find(node), index);
        return null;
    }

    private static bool Within(Policy.ValueList<TrafficSelector> selectors, System.Net.IPAddress address, byte protocol, ushort port, ProbeFlow flow)
    {
        var ports = flow.IsIcmp ? (ushort)((flow.IcmpType ?? (flow.Protocol == 1 ? 8 : 128)) << 8 | flow.IcmpCode) : port;
        var one = new TrafficSelector(address, address, protocol, ports, ports);
        foreach (var selector in selectors)
            if (selector.Contains(one) || (!flow.HasPorts && !flow.IsIcmp && selector.IsAnyPort && selector.Contains(one with { StartPort = 0, EndPort = ushort.MaxValue }))) return true;
        return false;
    }

    private byte[] Frame(ProbeFlow flow, byte[] packet, InterfaceState state, ulong ownMac)
    {
        var frame = new byte[14 + packet.Length];
        (flow.ToMac?.GetAddressBytes() ?? GroupOf(flow.Destination) ?? MacAddress.ToBytes(Receiver(state, ownMac))).CopyTo(frame, 0);
        (flow.FromMac?.GetAddressBytes() ?? MacAddress.ToBytes(Station)).CopyTo(frame, 6);
        (frame[12], frame[13]) = flow.IsV6 ? ((byte)0x86, (byte)0xDD) : ((byte)0x08, (byte)0x00);
        packet.CopyTo(frame, 14);
        return frame;
    }

    /// <summary>Whom a frame is for when nobody says it: the interface, or behind a bridge its routed member; in a bridge without one, a station that nobody knows.</summary>
    private ulong Receiver(InterfaceState state, ulong ownMac)
    {
        if (state.Layer2 != InterfaceFlags.Bridged) return state.Layer2 == InterfaceFlags.Connected ? Unknown : ownMac;
        lock (Dataplane.Gate)
            return Dataplane.Switching.RoutedMemberOf(state) is { } bvi ? Dataplane.Tables.Interfaces[bvi.Index]->Mac : Unknown;
    }

    // RFC 1112 §6.4, RFC 2464 §7.
    private static byte[]? GroupOf(System.Net.IPAddress destination)
    {
        var bytes = destination.GetAddressBytes();
        if (bytes.Length == 16) return bytes[0] == 0xFF ? [0x33, 0x33, .. bytes[12..]] : null;
        if (bytes.All(b => b == 0xFF)) return bytes[..4].Concat(bytes[..2]).ToArray();
        return bytes[0] >> 4 == 14 ? [1, 0, 0x5E, (byte)(bytes[1] & 0x7F), bytes[2], bytes[3]] : null;
    }

    private static byte[] Tagged(byte[] frame, VlanTag tag) =>
        [.. frame[..12], (byte)(tag.Protocol >> 8), (byte)tag.Protocol, (byte)(tag.Id >> 8), (byte)tag.Id, .. frame[12..]];
}
