using System.Net;
using System.Numerics;
using Gateway.Dataplane.Abf;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Explain;

/// <summary>What a judge looks into.</summary>
internal sealed record JudgedTables(
    DataplaneTables Tables, InterfaceBook Interfaces, Rib Rib, VrfBook Vrfs, FilterControl Filtering, FlowControl Flows, AbfControl Abf, SaControl Security, GuardControl Guarding, SwitchControl Switching, IReadOnlyList<Worker> Workers);

/// <summary>
/// Says what decided at each step of a traced packet: asks the tables that the workers ask, with the key that the step's record holds. Workers note no names, and pay nothing for them; what was changed
/// between the packet and the question is told as it is now. Under the gate.
/// </summary>
internal static unsafe class StepJudge
{
    /// <summary>Room for a record's head, and for what readers of layer 4 may touch behind it.</summary>
    private const int Room = 512;

    private delegate StepDecision? Asks(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta);

    private static readonly Dictionary<string, Asks> _asks = new(StringComparer.Ordinal)
    {
        [NodeNames.Ip4AclInput] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Acl<FilterIp4>(on, step.RxInterface, true, ip, meta),
        [NodeNames.Ip6AclInput] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Acl<FilterIp6>(on, step.RxInterface, true, ip, meta),
        [NodeNames.Ip4AclOutput] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Acl<FilterIp4>(on, step.TxInterface, false, ip, meta),
        [NodeNames.Ip6AclOutput] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Acl<FilterIp6>(on, step.TxInterface, false, ip, meta),
        [NodeNames.Ip4FlowInput] = FlowInput,
        [NodeNames.Ip6FlowInput] = FlowInput6,
        [NodeNames.Ip6FlowOutput] = (JudgedTables _, in TraceRecord _, in TraceRecord next, bool hasNext, byte* _, PacketMeta* _) => hasNext && (next.Flags & PacketFlags.FlowKnown) != 0 ? new StepDecision.NewFlow(true) : null,
        [NodeNames.Ip4NatTarget] = Target,
        [NodeNames.Ip4FlowOutput] = FlowOutput,
        [NodeNames.Ip4Lookup] = Lookup,
        [NodeNames.Ip6Lookup] = Lookup,
        [NodeNames.Spd4Input] = (JudgedTables on, in TraceRecord _, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Policy<PolicyIp4, uint>(on, PolicyKey.Inbound<PolicyIp4, uint>(meta, ip), 0, inbound: true),
        [NodeNames.Spd6Input] = (JudgedTables on, in TraceRecord _, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Policy<PolicyIp6, UInt128>(on, PolicyKey.Inbound<PolicyIp6, UInt128>(meta, ip), 0, inbound: true),
        [NodeNames.Spd4Output] = (JudgedTables on, in TraceRecord _, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Policy<PolicyIp4, uint>(on, PolicyKey.Outbound<PolicyIp4, uint>(meta, ip), 0, inbound: false),
        [NodeNames.Spd6Output] = (JudgedTables on, in TraceRecord _, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Policy<PolicyIp6, UInt128>(on, PolicyKey.Outbound<PolicyIp6, UInt128>(meta, ip), 0, inbound: false),
        [NodeNames.Ipsec4Output] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Policy<PolicyIp4, uint>(on, PolicyKey.Outbound<PolicyIp4, uint>(meta, ip), IfIdOf(on, step), inbound: false),
        [NodeNames.Ipsec6Output] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* ip, PacketMeta* meta) => Policy<PolicyIp6, UInt128>(on, PolicyKey.Outbound<PolicyIp6, UInt128>(meta, ip), IfIdOf(on, step), inbound: false),
        [NodeNames.Esp4Encrypt] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* _, PacketMeta* _) => Sa(on, step.NextHop, inbound: false),
        [NodeNames.Esp6Encrypt] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* _, PacketMeta* _) => Sa(on, step.NextHop, inbound: false),
        [NodeNames.Esp4Decrypt] = (JudgedTables on, in TraceRecord _, in TraceRecord next, bool hasNext, byte* _, PacketMeta* _) => hasNext ? Sa(on, next.Sa, inbound: true) : null,
        [NodeNames.Esp6Decrypt] = (JudgedTables on, in TraceRecord _, in TraceRecord next, bool hasNext, byte* _, PacketMeta* _) => hasNext ? Sa(on, next.Sa, inbound: true) : null,
        [NodeNames.Ip4Rewrite] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* _, PacketMeta* _) => Leaves(on, step),
        [NodeNames.Ip6Rewrite] = (JudgedTables on, in TraceRecord step, in TraceRecord _, bool _, byte* _, PacketMeta* _) => Leaves(on, step),
        [NodeNames.GuardInput] = Guard,
        [NodeNames.Ip4Input] = CameIn,
        [NodeNames.Ip6Input] = CameIn,
        [NodeNames.EthernetInput] = CameIn,
        [NodeNames.VlanInput] = (JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* _, PacketMeta* _) => Named(on, hasNext ? next.RxInterface : step.RxInterface),
        [NodeNames.BridgeInput] = Switched,
        [NodeNames.CrossConnect] = Switched,
        [NodeNames.VlanOutput] = GoesOut,
        [NodeNames.VxlanEncap] = GoesOut,
        [NodeNames.IpTunnelEncap] = GoesOut,
        [NodeNames.InterfaceOutput] = GoesOut,
        [NodeNames.VxlanDecap] = (JudgedTables on, in TraceRecord _, in TraceRecord next, bool hasNext, byte* _, PacketMeta* _) => hasNext ? Named(on, next.RxInterface) : null,
        [NodeNames.IpTunnelDecap] = (JudgedTables on, in TraceRecord _, in TraceRecord next, bool hasNext, byte* _, PacketMeta* _) => hasNext ? Named(on, next.RxInterface) : null,
    };

    /// <param name="on">Whose packet it was.</param>
    /// <param name="node">The node's name.</param>
    /// <param name="step">The packet as it came to the node.</param>
    /// <param name="next">As it came to the node after it; without a meaning unless <paramref name="hasNext"/>.</param>
    /// <param name="hasNext">It went on.</param>
    public static StepDecision? Judge(JudgedTables on, string node, in TraceRecord step, in TraceRecord next, bool hasNext)
    {
        if (!_asks.TryGetValue(node, out var asks)) return null;
        var head = stackalloc byte[Room];
        new Span<byte>(head, Room).Clear();
        fixed (byte* from = step.Head) Buffer.MemoryCopy(from, head, Room, step.HeadLength);
        var meta = MetaOf(step);
        return asks(on, step, next, hasNext, head, &meta);
    }

    private static PacketMeta MetaOf(in TraceRecord step) => new()
    {
        Length = step.HeadLength,
        TotalLength = step.TotalLength,
        Flags = step.Flags,
        Protocol = step.Protocol,
        L4 = step.L4,
        RxInterface = step.RxInterface,
        TxInterface = step.TxInterface,
        Vrf = step.Vrf,
    };

    private static StepDecision? Acl<TFamily>(JudgedTables on, uint onInterface, bool inbound, byte* ip, PacketMeta* meta)
        where TFamily : struct, IFilterFamily
    {
        var slots = on.Tables.Filters[onInterface];
        var program = inbound ? TFamily.In(slots) : TFamily.Out(slots);
        if (program == null) return null;
        var key = stackalloc uint[TFamily.KeyWords];
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        TFamily.Read(meta, ip, key);
        var rule = FilterProgram.Find<TFamily>(program, key, waiting);
        var isEnd = rule == FilterProgram.None;
        var action = program->Verdicts[isEnd ? program->Rules : rule].Action;
        if (isEnd && TFamily.IsNeighborDiscovery(meta, ip, key)) action = FilterAction.Permit;
        if (on.Filtering.RuleOf(program, isEnd ? program->Rules : rule) is not { } id) return null;
        return new StepDecision.Acl(id.Acl, id.Rule, on.Interfaces.NameOf(onInterface), inbound, action switch
        {
            FilterAction.Permit => "permit",
            FilterAction.Reflect => "permit-reflect",
            FilterAction.Deny => "deny",
            _ => "reject",
        });
    }

    private static StepDecision? Guard(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* frame, PacketMeta* meta)
    {
        var program = (MacProgram*)on.Tables.Guards[step.RxInterface]->MacIn;
        if (program == null) return Named(on, step.RxInterface);
        MacKey key;
        MacJudge.Read(frame, meta->Length, &key);
        var rule = MacProgram.Find(program, &key);
        var name = on.Interfaces.NameOf(step.RxInterface);
        return on.Guarding.MacRuleOf((nint)program, rule) is { } id ? new StepDecision.MacAcl(id.Acl, id.Rule, name, program->Permits[rule] == 0 ? "deny" : "permit") : null;
    }

    private static StepDecision? FlowInput(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta)
    {
        if (FlowPacket.Read(meta, ip, out var key, out _) != FlowPacketKind.Flow) return null;
        // A flow that this very packet began was not known here.
        if (hasNext && (next.Flags & PacketFlags.FlowKnown) == 0) return new StepDecision.NewFlow(false);
        if (on.Flows.Find(key, out var reply) is not { } flow) return hasNext ? null : new StepDecision.NewFlow(false);
        var (from, to) = reply ? (flow.ReplySource, flow.ReplyDestination) : (flow.Source, flow.Destination);
        var (leaves, for_) = reply ? (flow.Destination, flow.Source) : (flow.ReplyDestination, flow.ReplySource);
        return new StepDecision.KnownFlow(flow.Rule, flow.State, reply, from.Equals(leaves) ? to : from, from.Equals(leaves) ? for_ : leaves);
    }

    private static StepDecision? FlowInput6(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta)
    {
        if (hasNext && (next.Flags & PacketFlags.FlowKnown) == 0) return new StepDecision.NewFlow(false);
        if (on.Flows.Copy6(meta, ip) is not { } flow) return null;
        var to = flow.Reply ? flow.Row.Source : flow.Row.Destination;
        return new StepDecision.KnownFlow(null, flow.Row.State, flow.Reply, to, to);
    }

    private static StepDecision? Target(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta)
    {
        if (FlowPacket.Read(meta, ip, out var key, out _) != FlowPacketKind.Flow) return null;
        var nat = on.Tables.Flows.Current.Nat;
        if (!nat.TryTarget(key, out var place, out _, out var address, out var port) || on.Flows.NameOf(nat.RuleAt(place)) is not { } rule) return null;
        var to = key.WithDestination(address, key.Protocol is 6 or 17 && port != 0 ? port : key.DestinationPort);
        return new StepDecision.Nat(rule, Destination(key), Destination(to), Source: false);
    }

    private static StepDecision? FlowOutput(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta)
    {
        if (FlowPacket.Read(meta, ip, out var key, out _) != FlowPacketKind.Flow) return null;
        // Its answers arrive in the VRF that it leaves into.
        var (vrf, outsideVrf) = (on.Tables.Interfaces[step.RxInterface]->Vrf, on.Tables.Interfaces[step.TxInterface]->Vrf);
        if (hasNext && (next.Flags & PacketFlags.FlowKnown) != 0)
        {
            var head = stackalloc byte[Room];
            new Span<byte>(head, Room).Clear();
            fixed (byte* from = next.Head) Buffer.MemoryCopy(from, head, Room, next.HeadLength);
            var after = MetaOf(next);
            if (FlowPacket.Read(&after, head, out var leaving, out _) == FlowPacketKind.Flow && leaving != key && on.Flows.Find(leaving.Reverse.WithVrf(outsideVrf), out _) is { Rule: { } rule })
                return new StepDecision.Nat(rule, Source(key), Source(leaving), Source: true);
            return new StepDecision.NewFlow(true);
        }

        var isProtected = (step.Flags & PacketFlags.Protected) != 0;
        return on.Flows.NameOf(on.Tables.Flows.Current.Nat.Deciding(vrf, key.Source, step.TxInterface, outsideVrf, isProtected)) is { } decides ? new StepDecision.Nat(decides, null, null, Source: true) : null;
    }

    private static StepDecision? Lookup(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta)
    {
        var destination = ip[0] >> 4 == 6 ? new AddressWords(true, Wire.U64(ip + 24), Wire.U64(ip + 32)) : new AddressWords(false, 0, Wire.U32(ip + 16));
        var vrf = on.Vrfs.NameOf(step.Vrf);
        if (Steered(on, step, next, hasNext, destination, ip, meta) is { } steered) return steered;
        if (!on.Rib.TryLongest(step.Vrf, destination, out var prefix, out var source, out var owner)) return new StepDecision.NoRoute(vrf, destination.ToAddress());
        var to = new IPNetwork(prefix.Prefix.ToAddress(), prefix.Length);
        var word = source.ToString().ToLowerInvariant();
        if (source != RouteSource.Static) return new StepDecision.Route(vrf, to, word, 0, null, on.Interfaces.Exists(owner) ? on.Interfaces.NameOf(owner) : null);
        if (!hasNext || (next.Flags & PacketFlags.Protected) != 0) return new StepDecision.Route(vrf, to, word, owner, null, null);
        var (via, by) = HopOf(on, next.NextHop, destination);
        return new StepDecision.Route(vrf, to, word, owner, via, by);
    }

    private static (IPAddress? Via, string? Interface) HopOf(JudgedTables on, uint nextHop, AddressWords destination)
    {
        var adjacency = on.Tables.Adjacencies[nextHop & (AdjacencyTable.Capacity - 1)];
        var hop = adjacency->Kind is AdjacencyKind.Neighbor or AdjacencyKind.Incomplete ? new AddressWords(adjacency->V6, adjacency->NextHopHigh, adjacency->NextHopLow) : default(AddressWords?);
        return (hop is { } h && h != destination ? h.ToAddress() : null, adjacency->Interface != 0 && on.Interfaces.Exists(adjacency->Interface) ? on.Interfaces.NameOf(adjacency->Interface) : null);
    }

    /// <summary>A policy that means the packet; one whose next hops are all away, and that lets it follow its route, is left out.</summary>
    private static StepDecision? Steered(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, AddressWords destination, byte* ip, PacketMeta* meta)
    {
        if (!on.Tables.Abf.Any || (step.Flags & PacketFlags.Own) != 0) return null;
        var found = on.Tables.Adjacencies[destination.V6 ? on.Tables.Fib6.Lookup(step.Vrf, destination.High, destination.Low) : on.Tables.Fib4.Lookup(step.Vrf, (uint)destination.Low)];
        var program = on.Tables.Abf.Of(step.RxInterface, destination.V6);
        if (program == null || found->Kind == AdjacencyKind.Local) return null;
        var rule = destination.V6 ? Find<FilterIp6>(program->Rules, ip, meta) : Find<FilterIp4>(program->Rules, ip, meta);
        if (rule == FilterProgram.None || program->Ways[rule] is var way && way == 0 || on.Abf.RuleOf(program->Rules, rule) is not { } id) return null;
        var list = way & ~AbfProgram.Drops;
        var isAway = list == 0 || (destination.V6 ? PathList.Choose6(on.Tables.Adjacencies[list], ip, meta->Length) : PathList.Choose4(on.Tables.Adjacencies[list], ip, meta->Length, 0)) == AdjacencyTable.NoRoute;
        if (isAway && (way & AbfProgram.Drops) == 0) return null;
        if (isAway || !hasNext || (next.Flags & PacketFlags.Protected) != 0) return new StepDecision.Steered(id.Acl, id.Rule, null, null, isAway);
        var (via, by) = HopOf(on, next.NextHop, destination);
        return new StepDecision.Steered(id.Acl, id.Rule, via, by, false);
    }

    private static uint Find<TFamily>(FilterProgram* program, byte* ip, PacketMeta* meta)
        where TFamily : struct, IFilterFamily
    {
        var key = stackalloc uint[TFamily.KeyWords];
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        TFamily.Read(meta, ip, key);
        return FilterProgram.Find<TFamily>(program, key, waiting);
    }

    private static StepDecision? Policy<TFamily, TAddress>(JudgedTables on, in SpdKey<TAddress> key, uint ifId, bool inbound)
        where TFamily : struct, IPolicyFamily<TAddress>
        where TAddress : unmanaged, IBinaryInteger<TAddress>
    {
        var rule = (ifId == 0 ? TFamily.Rules(on.Tables) : TFamily.RoutedRules(on.Tables)).Find(key, ifId);
        if (rule == null) return new StepDecision.NoPolicy();
        var (name, ofChild) = on.Security.PolicyAt(rule->Policy);
        var action = rule->Action switch { SpdAction.Protect => SecurityAction.Protect, SpdAction.Discard => SecurityAction.Discard, _ => SecurityAction.Bypass };
        return new StepDecision.Policy(name, action, ofChild, inbound ? null : on.Security.SaAt(Volatile.Read(ref rule->Sa))?.Id);
    }

    private static StepDecision? Sa(JudgedTables on, uint index, bool inbound) =>
        on.Security.SaAt(index) is { } sa ? new StepDecision.Sa(sa.Id, sa.Connection, sa.Child, inbound ? sa.InboundSpi : sa.OutboundSpi, sa.LocalAddress, sa.RemoteAddress, inbound) : null;

    private static StepDecision? Leaves(JudgedTables on, in TraceRecord step)
    {
        var adjacency = on.Tables.Adjacencies[step.NextHop & (AdjacencyTable.Capacity - 1)];
        return on.Interfaces.Exists(adjacency->Interface) ? new StepDecision.On(on.Interfaces.NameOf(adjacency->Interface), adjacency->Mtu) : null;
    }

    private static StepDecision? CameIn(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta) => Named(on, step.RxInterface);

    private static StepDecision? GoesOut(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta) => Named(on, step.TxInterface);

    private static StepDecision? Named(JudgedTables on, uint index) => on.Interfaces.Exists(index) ? new StepDecision.On(on.Interfaces.NameOf(index)) : null;

    private static StepDecision? Switched(JudgedTables on, in TraceRecord step, in TraceRecord next, bool hasNext, byte* ip, PacketMeta* meta)
    {
        if (!on.Interfaces.Exists(step.RxInterface)) return null;
        var (bridge, connect) = on.Switching.SwitchOf(on.Interfaces.Get(step.RxInterface));
        return bridge is null && connect is null ? null : new StepDecision.Switch(bridge, connect);
    }

    private static uint IfIdOf(JudgedTables on, in TraceRecord step) => on.Tables.Interfaces[on.Tables.Adjacencies[step.NextHop & (AdjacencyTable.Capacity - 1)]->Interface]->IfId;

    private static IPEndPoint Source(in FlowKey key) => new(new AddressWords(false, 0, key.Source).ToAddress(), key.SourcePort);

    private static IPEndPoint Destination(in FlowKey key) => new(new AddressWords(false, 0, key.Destination).ToAddress(), key.DestinationPort);
}
