using System.Net;
using Gateway.Dataplane.Apply;

namespace Gateway.Host.Ike;

/// <summary>Addresses that peers gave the gateway, on an interface of their own without a port: it answers for them, and packets from them go through the tunnel.</summary>
internal sealed class VirtualAddresses(DataplaneControl dataplane)
{
    /// <summary>No item can have this name.</summary>
    public const string Interface = "%vips";

    private readonly List<InterfaceAddress> _addresses = [];

    public void Add(IPAddress address)
    {
        if (_addresses.Exists(a => a.Address.Equals(address))) return;
        _addresses.Add(new InterfaceAddress(address, address.GetAddressBytes().Length * 8));
        Apply();
    }

    public void Remove(IPAddress address)
    {
        if (_addresses.RemoveAll(a => a.Address.Equals(address)) > 0) Apply();
    }

    private void Apply()
    {
        if (!dataplane.TryFindInterface(Interface, out var index)) index = dataplane.AddInterface(new InterfaceSettings { Name = Interface, Type = "loopback", Mtu = 9216 });
        dataplane.SetAddresses(index, _addresses);
    }
}
