namespace Gateway.Dataplane.Tables;

/// <summary>The gateway's own addresses: per interface for ARP, ND and link-local ones.</summary>
internal sealed class LocalAddresses(Epochs epochs) : IDisposable
{
    private readonly NativeMap _map = new(epochs, 64);

    /// <summary>Whether the interface has this IPv4 address (host order).</summary>
    public bool Has4(uint onInterface, uint address) => _map.TryGet(0, address, onInterface << 1, out _);

    /// <summary>Whether the interface has this IPv6 address.</summary>
    public bool Has6(uint onInterface, ulong high, ulong low) => _map.TryGet(high, low, onInterface << 1 | 1, out _);

    /// <summary>Whether the interface has this address.</summary>
    public bool Has(uint onInterface, Apply.AddressWords address) => address.V6 ? Has6(onInterface, address.High, address.Low) : Has4(onInterface, (uint)address.Low);

    public void Add4(uint onInterface, uint address) => _map.Set(0, address, onInterface << 1, 1);

    public void Add6(uint onInterface, ulong high, ulong low) => _map.Set(high, low, onInterface << 1 | 1, 1);

    public void Remove4(uint onInterface, uint address) => _map.Remove(0, address, onInterface << 1);

    public void Remove6(uint onInterface, ulong high, ulong low) => _map.Remove(high, low, onInterface << 1 | 1);

    public void Dispose() => _map.Dispose();
}
