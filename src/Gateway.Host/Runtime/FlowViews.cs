using System.Globalization;
using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Host.Api.Views;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show sessions</c> and <c>show nat</c>.</summary>
internal static class FlowViews
{
    /// <summary>Rows of one answer.</summary>
    private const int MaxRows = 1000;

    /// <param name="flows">The dataplane's.</param>
    /// <param name="name">An address at any end, or null for all.</param>
    public static IEnumerable<SessionRow> Rows(FlowControl flows, string? name)
    {
        IPAddress? address = null;
        if (name is not null && (!IPAddress.TryParse(name, out address))) return [];
        return flows.Rows(address, MaxRows).Select(f => new SessionRow
        {
            Protocol = ProtocolName(f.Protocol),
            Source = f.Source.ToString(),
            Destination = f.Destination.ToString(),
            ReplySource = f.ReplySource.ToString(),
            ReplyDestination = f.ReplyDestination.ToString(),
            State = f.State,
            Rule = f.Rule,
            AgeSeconds = (long)f.Age.TotalSeconds,
            IdleSeconds = (long)f.Idle.TotalSeconds,
            EndsInSeconds = (long)f.EndsIn.TotalSeconds,
            Packets = f.Packets,
            Bytes = f.Bytes,
            ReplyPackets = f.ReplyPackets,
            ReplyBytes = f.ReplyBytes,
            Worker = f.Worker,
        });
    }

    public static IEnumerable<NatRow> Rules(FlowControl flows, string? name) => flows.Rules().Where(r => name is null || r.Rule.Name == name).Select(r => r.Rule switch
    {
        NatRule.Source s => new NatRow(
            s.Name, s.Exempt ? "exempt" : "source", s.From.Count == 0 ? "any" : string.Join(", ", s.From),
            s.Exempt ? "unchanged" : s.Addresses.Count == 0 ? "address of the interface" : string.Join(", ", s.Addresses.Select(a => a.First.Equals(a.Last) ? $"{a.First}" : $"{a.First}-{a.Last}")), s.OutInterface, r.Flows)
        {
            Blocks = r.Blocks is { } b ? new NatBlockUsageView(b.Size, b.Blocks, b.Taken, b.Hosts, b.Exhausted) : null,
        },
        NatRule.Static s => new NatRow(s.Name, "static", End(s.Outside, s.Protocol, s.OutsidePort), End(s.Inside, s.Protocol, s.InsidePort), null, r.Flows),
        NatRule.Service s => new NatRow(s.Name, "service", End(s.Outside, s.Protocol, s.OutsidePort), string.Join(", ", s.Backends.Select(b => $"{b.Address}:{b.Port} ({b.Weight})")), null, r.Flows),
        _ => throw new System.Diagnostics.UnreachableException(),
    });

    /// <param name="name">A rule, an inside host or an outside address; null for all.</param>
    public static IEnumerable<NatHolderRow> Blocks(FlowControl flows, string? name) => flows.PortBlocks()
        .Select(b => new NatHolderRow(b.Host.ToString(), b.Vrf, b.Outside.ToString(), b.FirstPort, b.LastPort, b.Rule, b.Since)).Where(r => IsNamed(r, name)).Order(_byPort).Take(MaxRows);

    /// <inheritdoc cref="Blocks(FlowControl, string)"/>
    public static IEnumerable<NatHolderRow> Blocks(NatBlockBook book, string? name) => book.Blocks.Values.Select(Row).Where(r => IsNamed(r, name)).Order(_byPort).Take(MaxRows);

    public static NatHolderRow Row(NatBlockEntry b) => new(b.Host.ToString(), b.Vrf, b.Outside.ToString(), b.FirstPort, b.LastPort, b.Rule, b.Since, b.Position);

    private static readonly Comparer<NatHolderRow> _byPort = Comparer<NatHolderRow>.Create((a, b) => string.CompareOrdinal(a.Outside, b.Outside) is var order && order != 0 ? order : a.FirstPort.CompareTo(b.FirstPort));

    private static bool IsNamed(NatHolderRow row, string? name) => name is null || row.Rule == name || row.Host == name || row.Outside == name;

    private static string End(IPAddress address, byte protocol, int port) => protocol == 0 ? address.ToString() : $"{address}:{port} {ProtocolName(protocol)}";

    private static string ProtocolName(byte protocol) => protocol switch
    {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        58 => "icmpv6",
        132 => "sctp",
        136 => "udplite",
        _ => protocol.ToString(CultureInfo.InvariantCulture),
    };
}
