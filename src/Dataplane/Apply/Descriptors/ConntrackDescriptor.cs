using Gateway.Dataplane.Flow;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs how flows are tracked. The interfaces that it names are taken as they come.</summary>
public sealed class ConntrackDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Conntrack;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Flows.SetSettings(ToSettings((ConntrackSpec)item.Spec));
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Flows.SetSettings(new FlowSettings());
        return new(new StepResult.Done());
    }

    /// <summary>The settings of a configuration: those of its item, else the defaults.</summary>
    public static FlowSettings SettingsOf(RunningConfiguration configuration) =>
        configuration.OfKind(ItemCatalog.Conntrack).FirstOrDefault() is { } item ? ToSettings((ConntrackSpec)item.Spec) : new FlowSettings();

    private static FlowSettings ToSettings(ConntrackSpec spec) => new()
    {
        Always = spec.Always,
        AlwaysOn = [.. spec.AlwaysOn],
        Loose = spec.TcpLoose,
        Total = spec.Max,
        PerSource = spec.MaxPerSource,
        Ip6SourcePrefix = spec.Ipv6SourcePrefix,
        Timeouts = new FlowTimeouts
        {
            TcpSynSent = Seconds(spec.TcpTimeoutSynSent),
            TcpSynRecv = Seconds(spec.TcpTimeoutSynRecv),
            TcpEstablished = Seconds(spec.TcpTimeoutEstablished),
            TcpUnacknowledged = Seconds(spec.TcpTimeoutUnacknowledged),
            TcpFinWait = Seconds(spec.TcpTimeoutFinWait),
            TcpCloseWait = Seconds(spec.TcpTimeoutCloseWait),
            TcpLastAck = Seconds(spec.TcpTimeoutLastAck),
            TcpTimeWait = Seconds(spec.TcpTimeoutTimeWait),
            TcpClose = Seconds(spec.TcpTimeoutClose),
            Udp = Seconds(spec.UdpTimeout),
            UdpStream = Seconds(spec.UdpTimeoutStream),
            Icmp = Seconds(spec.IcmpTimeout),
            Generic = Seconds(spec.GenericTimeout),
        },
    };

    private static int Seconds(SwanDuration time) => (int)time.Seconds;
}
