using Gateway.Bench.Aead;
using Gateway.Bench.Harness;
using Gateway.Crypto.Aead;

namespace Gateway.Bench.Graph;

/// <summary>
/// Packets through the graph from one in-memory port to another, Ethernet in to Ethernet out, making the packets does not count, taking them does. Size is of the IP packet.
/// The measure is OpenSSL's AES-128-GCM on 64 bytes in the same run: the ratio says how many packets are forwarded while one is sealed.
/// </summary>
internal sealed class GraphSuite : ISuite
{
    public string Name => "graph";

    public void Run(Report report)
    {
        foreach (var (name, stations, vxlan) in ((string, int, bool)[])[("bridge", 1000, false), ("bridge-1f", 1, false), ("bridge-10000", 10_000, false), ("vxlan-encap", 1000, true), ("vxlan-encap-1f", 1, true), ("vxlan-encap-10000", 10_000, true)])
        {
            if (!report.Wants(name, 64)) continue;
            using var work = new Switching(stations, vxlan);
            Against(report, name, work.Contender);
        }

        foreach (var (name, flows, translate) in ((string, int, bool)[])[("ip4-stateful-10000", 10_000, false), ("nat44-10000", 10_000, true), ("nat44-1000000", 1_000_000, true)])
        {
            if (!report.Wants(name, 64)) continue;
            using var work = new Flows(flows, translate);
            Against(report, name, work.Contender);
            report.Note($"graph: {name}: {work.SetUpsPerSecond:0} flows began in a second, {work.BytesPerFlow:0} bytes for each");
        }

        if (report.Wants("ip6-stateful-10000", 64))
        {
            using var work = new Ip6Flows(10_000);
            Against(report, "ip6-stateful-10000", work.Contender);
            report.Note($"graph: ip6-stateful-10000: {work.SetUpsPerSecond:0} flows began in a second, {work.BytesPerFlow:0} bytes for each");
        }

        foreach (var rules in new[] { 100, 10_000 })
        {
            var name = $"ip4-acl-{rules}";
            if (!report.Wants(name, 64)) continue;
            using var work = new Filtering(rules);
            Against(report, name, work.Contender);
        }

        foreach (var (name, ask) in Guarding.Cases)
        {
            if (!report.Wants(name, 64)) continue;
            using var work = new Guarding(ask);
            Against(report, name, work.Contender);
        }

        Lookups.Run(report, Name);
        SaLookups.Run(report, Name);
        foreach (var flows in new[] { 1, 10_000 })
            foreach (var routes in new[] { 1, 10_000 })
            {
                var name = flows == 10_000 && routes == 10_000 ? "ip4-forward" : $"ip4-forward-{flows}f-{routes}r";
                if (!report.Wants(name, 64)) continue;
                using var work = new Forwarding(flows, routes);
                Against(report, name, work.Contender);
            }
    }

    private void Against(Report report, string name, Contender gateway)
    {
        using var frame = new PacketFrame(128, 64, encrypt: true);
        List<Contender> contenders = [gateway];
        // One round of either is as many packets, so that a time per packet comes out.
        contenders.AddRange(frame.Contenders.Where(c => c.Name == "openssl").Select(c => c with { Work = n => c.Work(n * (PacketLoop.Count / PacketFrame.Count)) }));
        report.AddTimes(Name, name, 64, Contest.Run(contenders, PacketLoop.Count));
    }
}
