using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;

namespace Gateway.Host.Runtime;

/// <summary>Keeps the punt TAP in step with the gateway's own addresses and routes, so that the host's programs can be reached at them and reach out from them.</summary>
internal sealed class PuntKeeper : IDisposable
{
    private readonly DataplaneControl _dataplane;
    private readonly PuntTap _tap;
    private readonly ILogger _log;
    private readonly uint _index;

    public PuntKeeper(DataplaneControl dataplane, PortFactory ports, string device, ILogger log)
    {
        (_dataplane, _log) = (dataplane, log);
        _tap = ports.OpenPunt(new PuntOptions { Device = device }, dataplane.Pool);
        _index = dataplane.AddInterface(new InterfaceSettings { Name = device, Type = "tap", Mac = _tap.GatewayMac }, new BorrowedPort(_tap.Port));
        dataplane.SetPuntInterface(_index, _tap.HostMac);
    }

    /// <summary>Mirrors what the gateway has now.</summary>
    public void Update()
    {
        try
        {
            var interfaces = _dataplane.Interfaces().Where(i => i.Index != _index && i.Enabled).ToList();
            var addresses = interfaces.SelectMany(i => i.Addresses.Select(a => (Interface: i.Name, a.Address, a.PrefixLength))).ToList();
            var routes = new List<PuntRoute>();
            foreach (var route in _dataplane.Routes().Where(r => r.Active && (r.Interface is not null || r.Via is not null)))
            {
                if (Source(route, addresses) is { } source) routes.Add(new PuntRoute(route.To.BaseAddress, route.To.PrefixLength, source));
            }

            _tap.Update(addresses.Select(a => a.Address), routes);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            HostLog.Notice(_log, $"The host's view of the gateway's addresses could not be updated: {e.Message}");
        }
    }

    public void Dispose()
    {
        _dataplane.SetPuntInterface(0);
        _dataplane.RemoveInterface(_index);
        _tap.Dispose();
    }

    private static IPAddress? Source(RouteRow route, List<(string Interface, IPAddress Address, int PrefixLength)> addresses) => addresses
        .Where(a => a.Interface == route.Interface && a.Address.AddressFamily == route.To.BaseAddress.AddressFamily && !a.Address.IsIPv6LinkLocal)
        .OrderByDescending(a => route.Via is { } via && new IPNetwork(Network(a.Address, a.PrefixLength), a.PrefixLength).Contains(via))
        .Select(a => a.Address)
        .FirstOrDefault();

    private static IPAddress Network(IPAddress address, int length) => Policy.Sa.TrafficSelector.OfPrefix(address, length).Start;

    /// <summary>The tap closes its port itself.</summary>
    private sealed class BorrowedPort(IPacketPort port) : IPacketPort
    {
        public string Kind => port.Kind;

        public int PollFd => port.PollFd;

        public bool IsUp => port.IsUp;

        public PortCounters Counters => port.Counters;

        public int Receive(Span<uint> indices) => port.Receive(indices);

        public int Transmit(ReadOnlySpan<uint> indices) => port.Transmit(indices);

        public bool PrepareToSleep() => port.PrepareToSleep();

        public void Dispose()
        {
        }
    }
}
