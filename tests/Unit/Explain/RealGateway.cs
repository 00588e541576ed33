using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Explain;
using Gateway.Dataplane.Io;
using Gateway.Host.Descriptors;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Gateway.Unit.Dataplane.Packets;

namespace Gateway.Unit.Explain;

/// <summary>A dataplane as it carries packets, with ports of memory, stepped by hand. Packets are made byte by byte, neighbors learned from their own words.</summary>
internal sealed class RealGateway : IPortSource, IDisposable
{
    private readonly Dictionary<string, InMemoryPort> _ports = [];

    public DataplaneControl Control { get; } = new(new DataplaneOptions { Buffers = 4096, Hugepages = false, Flows = 4096 });

    public PortOpening Open(PortSpec spec, PacketPool pool)
    {
        _ports[spec.Device] = new InMemoryPort(pool);
        return new PortOpening.Opened(new TwinPort(spec.Device, _ports[spec.Device], true), System.Net.NetworkInformation.PhysicalAddress.Parse("02AA00000001"), 1500);
    }

    public void Close(IDevicePort port) => port.Dispose();

    /// <summary>Programs all items, as the planner orders them.</summary>
    public async Task ProgramAsync(RunningConfiguration configuration)
    {
        Control.Security.SetPolicies(SecurityPolicies.Of(configuration));
        var descriptors = DataplaneDescriptors.Of(Control, this).ToDictionary(d => d.Kind);
        foreach (var step in Planner.Plan(configuration, AppliedState.Empty, descriptors, descriptors.Keys.SelectMany(configuration.OfKind).Select(i => i.Key), _ => null).Steps)
            await descriptors[step.Key.Kind].CreateAsync(step.To!, CancellationToken.None);
        Run();
        foreach (var port in _ports.Values)
            while (port.CollectBytes() is not null) { }
    }

    /// <summary>Sends a packet in, and tells where frames of IP left and which drop reasons were counted.</summary>
    public (IReadOnlyList<string> Left, IReadOnlySet<string> Drops, IReadOnlySet<string> Rules) Send(string device, byte[] packet)
    {
        var before = Control.Counters(true).Where(c => c.IsDrop).ToDictionary(c => $"{c.Node}/{c.Name}", c => c.Value);
        var rules = Rules();
        var type = (ushort)(packet[0] >> 4 == 6 ? 0x86DD : 0x0800);
        _ports[device].Offer(Build.Ethernet(Build.Mac("02:aa:00:00:00:01"), Build.Mac("02:00:00:00:00:77"), type, packet));
        Run();
        List<string> left = [];
        foreach (var (name, port) in _ports)
            while (port.CollectBytes() is { } frame)
                if (frame[12] == 0x08 && frame[13] == 0 && IsOf(frame, packet)) left.Add(name);
        var drops = Control.Counters(true).Where(c => c.IsDrop && c.Value > before[$"{c.Node}/{c.Name}"]).Select(c => $"{c.Node}/{c.Name}").ToHashSet();
        return (left, drops, Rules().Where(r => rules.GetValueOrDefault(r.Key) < r.Value).Select(r => r.Key).ToHashSet());
    }

    public void Dispose() => Control.Dispose();

    // An ICMP error or a reset about the packet is no packet of the flow: its protocol or its direction differs.
    private static bool IsOf(byte[] frame, byte[] packet) => frame[14 + 9] == packet[9] && !(packet[9] == 1 && frame[34] != packet[20]) && !(packet[9] == 6 && (frame[14 + 20 + 13] & 4) != 0);

    private Dictionary<string, ulong> Rules() => Control.Filtering.Acls().SelectMany(a => a.Rules.Select(r => (Name: $"{a.Name} {r.Name}", r.Packets))).ToDictionary(r => r.Name, r => r.Packets);

    private void Run()
    {
        for (var i = 0; i < 20; i++)
        {
            Control.Workers[0].Step();
            while (Control.Workers[0].Context.Notices.TryPop(out var notice))
            {
                Control.TakeNotice(notice);
                // Whoever is asked for is there, and answers.
                if (notice.Kind == Gateway.Dataplane.Graph.NoticeKind.NeighborWanted) Control.TakeNotice(notice with { Kind = Gateway.Dataplane.Graph.NoticeKind.NeighborLearned, A = 0x0200_0000_0099 });
            }
        }
    }
}
