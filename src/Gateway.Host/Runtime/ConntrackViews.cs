using System.Globalization;
using Gateway.Dataplane.Apply;
using Gateway.Host.Api.Views;
using Gateway.Policy.Items;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show conntrack</c>.</summary>
internal static class ConntrackViews
{
    /// <param name="flows">The dataplane's.</param>
    /// <param name="name">Of one row, or null for all.</param>
    public static IEnumerable<ConntrackRow> Rows(FlowControl flows, string? name) => All(flows.Status()).Where(r => name is null || r.Name == name);

    private static IEnumerable<ConntrackRow> All(FlowStatus status)
    {
        var times = status.Timeouts;
        return
        [
            new("flows", N(status.Flows)),
            new("begun", N(status.Begun)),
            new("expired", N(status.Expired)),
            new("evicted", N(status.Evicted)),
            new("always", status.Settings.Always ? "all" : status.Settings.AlwaysOn.Count == 0 ? "none" : string.Join(", ", status.Settings.AlwaysOn)),
            new("tcp_loose", status.Settings.Loose ? "true" : "false"),
            new("max", N(status.Max)),
            new("max_per_source", status.PerSource is { } most ? N(most) : "none"),
            new("ipv6_source_prefix", N(status.Settings.Ip6SourcePrefix)),
            new("tcp_timeout_syn_sent", T(times.TcpSynSent)),
            new("tcp_timeout_syn_recv", T(times.TcpSynRecv)),
            new("tcp_timeout_established", T(times.TcpEstablished)),
            new("tcp_timeout_unacknowledged", T(times.TcpUnacknowledged)),
            new("tcp_timeout_fin_wait", T(times.TcpFinWait)),
            new("tcp_timeout_close_wait", T(times.TcpCloseWait)),
            new("tcp_timeout_last_ack", T(times.TcpLastAck)),
            new("tcp_timeout_time_wait", T(times.TcpTimeWait)),
            new("tcp_timeout_close", T(times.TcpClose)),
            new("udp_timeout", T(times.Udp)),
            new("udp_timeout_stream", T(times.UdpStream)),
            new("icmp_timeout", T(times.Icmp)),
            new("generic_timeout", T(times.Generic)),
        ];
    }

    private static string N<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private static string T(int seconds) => new SwanDuration(seconds).ToString();
}
