namespace Gateway.Host.Api.Views;

/// <summary>A row of <c>show interfaces</c>.</summary>
public sealed record InterfaceRow
{
    public required string Name { get; init; }

    public required string Type { get; init; }

    /// <summary><c>up</c>, <c>down</c>, <c>disabled</c> or <c>pending</c>.</summary>
    public required string State { get; init; }

    public string? Device { get; init; }

    public string? Mac { get; init; }

    public int? Mtu { get; init; }

    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>Name of the VRF; null for the default one.</summary>
    public string? Vrf { get; init; }

    /// <summary>The interface whose addresses it uses, as it has none of its own.</summary>
    public string? Unnumbered { get; init; }

    public ulong RxPackets { get; init; }

    public ulong RxBytes { get; init; }

    public ulong TxPackets { get; init; }

    public ulong TxBytes { get; init; }

    public ulong Drops { get; init; }

    /// <summary>With <c>pending</c>: what it waits for.</summary>
    public string? WaitsFor { get; init; }
}

/// <summary>A row of <c>show acls</c>, and of <c>show mac-acls</c>.</summary>
public sealed record AclRow
{
    public required string Name { get; init; }

    /// <summary>Where it is asked, as <c>in lan</c> or <c>out wan</c>.</summary>
    public required IReadOnlyList<string> Interfaces { get; init; }

    public required int Rules { get; init; }

    /// <summary>Packets that a rule of it decided about.</summary>
    public required ulong Packets { get; init; }

    public required ulong Bytes { get; init; }

    /// <summary>When one ACL was asked for by its name: its rules in their order.</summary>
    public IReadOnlyList<AclRuleRow>? Entries { get; init; }
}

/// <summary>A rule of an ACL.</summary>
/// <param name="Name">Its own, or the one made from what it says.</param>
/// <param name="Match">What it matches, in words.</param>
/// <param name="Packets">Packets that it decided about.</param>
public sealed record AclRuleRow(string Name, string Action, string Match, ulong Packets, ulong Bytes);

/// <summary>A row of <c>show policers</c>.</summary>
public sealed record PolicerRow
{
    public required string Name { get; init; }

    /// <summary>How it colors: single-rate, two-rate, two-rate-excess.</summary>
    public required string Mode { get; init; }

    /// <summary>The committed rate, as 10Mbit/s or 500packets/s.</summary>
    public required string Rate { get; init; }

    /// <summary>How much of it may come at once.</summary>
    public required string Burst { get; init; }

    /// <summary>Where it is asked, as <c>in lan</c>, <c>out wan</c> or <c>acl web</c>.</summary>
    public required IReadOnlyList<string> AskedBy { get; init; }

    public required ColorRow Green { get; init; }

    public required ColorRow Yellow { get; init; }

    public required ColorRow Red { get; init; }
}

/// <summary>A row of <c>show source-limits</c>.</summary>
public sealed record SourceLimitRow
{
    public required string Name { get; init; }

    /// <summary>Packets of one source a second; null without limit.</summary>
    public int? PacketsPerSecond { get; init; }

    /// <summary>New flows of one source a second; null without limit.</summary>
    public int? FlowsPerSecond { get; init; }

    /// <summary>Where it is asked, as <c>in lan</c> or <c>acl web</c>.</summary>
    public required IReadOnlyList<string> AskedBy { get; init; }

    /// <summary>Sources that sent lately.</summary>
    public required int Active { get; init; }

    /// <summary>Those of them that used up what they may.</summary>
    public required int Limited { get; init; }

    /// <summary>Packets that passed.</summary>
    public required ulong Passed { get; init; }

    /// <summary>Packets that did not.</summary>
    public required ulong Dropped { get; init; }

    /// <summary>Flows that did not begin.</summary>
    public required ulong FlowsDropped { get; init; }

    /// <summary>Packets and flows of sources that took over what another one used, for want of a place.</summary>
    public required ulong Crowded { get; init; }
}

/// <summary>Packets of one color.</summary>
/// <param name="Action">What becomes of them: transmit, drop, or a mark such as dscp:10.</param>
public sealed record ColorRow(string Action, ulong Packets, ulong Bytes);

/// <summary>A row of <c>show bridges</c>.</summary>
public sealed record BridgeRow
{
    public required string Name { get; init; }

    public required IReadOnlyList<BridgeMemberRow> Members { get; init; }

    /// <summary>The routed member.</summary>
    public string? Bvi { get; init; }

    /// <summary>MAC addresses that are known now.</summary>
    public required int Macs { get; init; }

    public required int MacLimit { get; init; }

    /// <summary>When one bridge was asked for by its name: the stations that it knows.</summary>
    public IReadOnlyList<StationRow>? Stations { get; init; }
}

/// <summary>A member of a bridge.</summary>
/// <param name="State"><c>joined</c>, or <c>absent</c> while there is no such interface.</param>
/// <param name="Macs">MAC addresses learned there.</param>
public sealed record BridgeMemberRow(string Interface, string State, int SplitHorizonGroup, int Macs);

/// <summary>A station that a bridge knows.</summary>
/// <param name="Source"><c>learned</c>, <c>static</c>, or <c>gateway</c> for the routed member's own.</param>
/// <param name="SecondsSinceSeen">Of a learned one.</param>
public sealed record StationRow(string Mac, string Interface, string Source, long? SecondsSinceSeen);

/// <summary>A row of <c>show routes</c>.</summary>
public sealed record RouteRow(string To, string? Via, string? Interface, string Source, string State, string? WaitsFor = null)
{
    /// <summary>Name of the VRF; null for the default one.</summary>
    public string? Vrf { get; init; }
}

/// <summary>A row of <c>show route-lists</c>: a list of routes that all lead the same way. Each of its prefixes is a row of <c>show routes</c>.</summary>
public sealed record RouteListRow
{
    public required string Name { get; init; }

    /// <summary>How many there are.</summary>
    public required int Prefixes { get; init; }

    /// <summary>The lowest prefix.</summary>
    public required string First { get; init; }

    /// <summary>The highest one.</summary>
    public required string Last { get; init; }

    /// <summary>Next hops, an interface, or what becomes of the packets.</summary>
    public string? Via { get; init; }

    /// <summary>Name of the VRF; null for the default one.</summary>
    public string? Vrf { get; init; }

    public int Preference { get; init; }

    public required string State { get; init; }

    public string? WaitsFor { get; init; }
}

/// <summary>A row of <c>show sessions</c>: how the originator's packets arrive and how the answers do; translated where the two are not each other's reverse.</summary>
public sealed record SessionRow
{
    public required string Protocol { get; init; }

    /// <summary>Address and port; of an ICMP query its identifier stands for the port.</summary>
    public required string Source { get; init; }

    public required string Destination { get; init; }

    public required string ReplySource { get; init; }

    public required string ReplyDestination { get; init; }

    /// <summary>Of TCP as Linux names it; of others <c>unreplied</c>, <c>stream</c>, <c>replied</c> or <c>query</c>.</summary>
    public required string State { get; init; }

    /// <summary>The NAT rule by which it is translated.</summary>
    public string? Rule { get; init; }

    public required long AgeSeconds { get; init; }

    public required long IdleSeconds { get; init; }

    /// <summary>When nothing more comes.</summary>
    public required long EndsInSeconds { get; init; }

    public required ulong Packets { get; init; }

    public required ulong Bytes { get; init; }

    public required ulong ReplyPackets { get; init; }

    public required ulong ReplyBytes { get; init; }

    public required int Worker { get; init; }
}

/// <summary>A row of <c>show nat</c>: a rule, and the flows that it has now.</summary>
public sealed record NatRow(string Name, string Type, string From, string To, string? Interface, long Sessions)
{
    /// <summary>Of a rule that gives ports in blocks.</summary>
    public NatBlockUsageView? Blocks { get; init; }
}

/// <summary>The blocks of ports of a rule.</summary>
/// <param name="Size">Ports of a block.</param>
/// <param name="Total">How many there are.</param>
/// <param name="Taken">How many are given.</param>
/// <param name="Hosts">Hosts that have some.</param>
/// <param name="Exhausted">Times since the start that a host needed one and there was none.</param>
public sealed record NatBlockUsageView(int Size, int Total, int Taken, int Hosts, long Exhausted);

/// <summary>A row of <c>show nat-blocks</c> and <c>nat who</c>: a block of outside ports and the host that has it.</summary>
/// <param name="Vrf">Of the host; null the default one.</param>
/// <param name="Since">When the host got it.</param>
/// <param name="Position">Of the event that says so; null when the running gateway tells.</param>
public sealed record NatHolderRow(string Host, string? Vrf, string Outside, int FirstPort, int LastPort, string Rule, DateTimeOffset Since, long? Position = null);

/// <summary>A row of <c>show neighbors</c>.</summary>
/// <param name="State">As RFC 4861 §7.3.2 and Linux name it: <c>incomplete</c>, <c>reachable</c>, <c>stale</c>, <c>delay</c>, <c>probe</c>, <c>failed</c>; <c>permanent</c> is a configured one.</param>
public sealed record NeighborRow(string Interface, string Address, string? Mac, string State)
{
    /// <summary>Since it last spoke.</summary>
    public long? SecondsSinceConfirmed { get; init; }

    /// <summary>Since a packet was last sent to it.</summary>
    public long? SecondsSinceUsed { get; init; }
}

/// <summary>A row of <c>show connections</c>: also those that are down.</summary>
public sealed record ConnectionRow
{
    public required string Name { get; init; }

    /// <summary><c>established</c>, <c>connecting</c> or <c>down</c>.</summary>
    public required string State { get; init; }

    public required string LocalAddrs { get; init; }

    public required string RemoteAddrs { get; init; }

    public required string LocalId { get; init; }

    public required string RemoteId { get; init; }

    public required IReadOnlyList<string> Children { get; init; }

    /// <summary>The last failed attempt, with its time.</summary>
    public string? LastFailure { get; init; }

    public string? WaitsFor { get; init; }
}

/// <summary>A row of <c>show sas</c>: an IKE SA with its CHILD SAs.</summary>
public sealed record SaRow
{
    public required string Connection { get; init; }

    public required ulong Id { get; init; }

    public required string State { get; init; }

    public required bool Initiator { get; init; }

    public required string InitiatorSpi { get; init; }

    public required string ResponderSpi { get; init; }

    public required string Local { get; init; }

    public required string LocalId { get; init; }

    public required string Remote { get; init; }

    public required string RemoteId { get; init; }

    public required string Proposal { get; init; }

    public DateTimeOffset? Established { get; init; }

    public long? RekeyInSeconds { get; init; }

    public bool NatLocal { get; init; }

    public bool NatRemote { get; init; }

    /// <summary>Addresses that the peer gave the gateway.</summary>
    public IReadOnlyList<string>? LocalVips { get; init; }

    /// <summary>Addresses of the gateway's pools that the peer has.</summary>
    public IReadOnlyList<string>? RemoteVips { get; init; }

    public required IReadOnlyList<ChildSaRow> Children { get; init; }
}

/// <summary>A CHILD SA of <see cref="SaRow"/>.</summary>
public sealed record ChildSaRow
{
    public required string Name { get; init; }

    public required ulong Id { get; init; }

    public required string State { get; init; }

    public required string Mode { get; init; }

    /// <summary>True for UDP encapsulation.</summary>
    public required bool Encap { get; init; }

    public required string Proposal { get; init; }

    public required string SpiIn { get; init; }

    public required string SpiOut { get; init; }

    public required IReadOnlyList<string> LocalTs { get; init; }

    public required IReadOnlyList<string> RemoteTs { get; init; }

    public ulong BytesIn { get; init; }

    public ulong PacketsIn { get; init; }

    public ulong BytesOut { get; init; }

    public ulong PacketsOut { get; init; }

    public DateTimeOffset? Installed { get; init; }

    public long? RekeyInSeconds { get; init; }
}

/// <summary>A row of <c>show policies</c>: the security policies in the order in which they are looked at.</summary>
/// <param name="Sa">With <c>protect</c>: the CHILD SA that outbound packets use; without one they are dropped.</param>
/// <param name="IfId">It concerns only what is routed into the ipsec interface with this number; null = all packets.</param>
public sealed record PolicyRow(int Order, string Action, string Name, IReadOnlyList<string> LocalTs, IReadOnlyList<string> RemoteTs, string? Sa, uint? IfId = null);

/// <summary>A row of <c>show counters</c>.</summary>
/// <param name="Area">The node, the port or the part of the control side that counts.</param>
/// <param name="Text">What it means, a sentence.</param>
public sealed record CounterRow(string Area, string Name, ulong Value, string Text);

/// <summary>A row of <c>show items</c>: what is configured, by whom.</summary>
/// <param name="Owner">The principal that it belongs to; null = nobody.</param>
public sealed record ItemRow(string Item, string? Owner, string State, string? WaitsFor = null);

/// <summary>A row of <c>show plan</c>: an item that is not in force as it should be.</summary>
public sealed record PlanRow(string Item, string State, string? WaitsFor, int Attempts, double? RetryInSeconds);

/// <summary>A row of <c>show workers</c>.</summary>
/// <param name="Packets">Packets at nodes of the graph.</param>
public sealed record WorkerRow(int Worker, int? Core, string State, ulong Loops, ulong Packets, double PacketsPerFrame, ulong Sleeps)
{
    /// <summary>Interfaces that it serves a queue of.</summary>
    public IReadOnlyList<string> Interfaces { get; init; } = [];

    /// <summary>CHILD SAs that it owns.</summary>
    public int Sas { get; init; }

    /// <summary>Packets given to other workers, because an SA or a port is theirs.</summary>
    public ulong HandedOver { get; init; }

    /// <summary>Packets taken from other workers.</summary>
    public ulong TakenOver { get; init; }
}

/// <summary>A row of <c>show pools</c>.</summary>
public sealed record PoolRow
{
    public required string Name { get; init; }

    public required string Addrs { get; init; }

    /// <summary>How many addresses it has.</summary>
    public long Size { get; init; }

    /// <summary>Addresses that IKE SAs have.</summary>
    public int Online { get; init; }

    /// <summary>Addresses that are kept for who had them last.</summary>
    public int Offline { get; init; }

    public required IReadOnlyList<LeaseRow> Leases { get; init; }
}

/// <summary>A lease of a pool.</summary>
/// <param name="State"><c>online</c> or <c>offline</c>.</param>
public sealed record LeaseRow(string Address, string Identity, string State, DateTimeOffset Since);
