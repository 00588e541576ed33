using System.Net.Sockets;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Filter;

/// <summary>Puts groups in their place and makes rows of rules: one for each combination of source, destination and ports.</summary>
internal sealed class AclExpansion(IReadOnlyDictionary<string, GroupSpec> groups)
{
    /// <summary>An address as words of a key, with their mask; IPv4 has one word.</summary>
    private readonly record struct Prefix(bool V6, uint[] Value, uint[] Mask);

    private readonly Dictionary<string, List<Prefix>> _addresses = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<uint>> _ports = new(StringComparer.Ordinal);

    /// <summary>Adds the rows of one rule for one family.</summary>
    public void Add(AclRule rule, uint number, bool v6, List<FilterRow> rows)
    {
        if (rule.Family is { } family && (family == IpFamily.Ipv6) != v6) return;
        if (rule.Protocol?.Number == (v6 ? 1 : 58)) return;
        var (facts, mask) = Facts(rule);
        var (types, codes) = (FilterPorts.Any, FilterPorts.Any);
        if (rule.IcmpType is { } type) types = FilterPorts.Pack((ushort)type, (ushort)type);
        if (rule.IcmpCode is { } code) codes = FilterPorts.Pack((ushort)code, (ushort)code);
        var sources = rule.IcmpType is null ? Ports(rule.FromPorts) : [types];
        var destinations = rule.IcmpType is null ? Ports(rule.ToPorts) : [codes];
        var to = Addresses(rule.To, v6);
        var words = v6 ? 4 : 1;
        foreach (var from in Addresses(rule.From, v6))
            foreach (var towards in to)
            {
                uint[] value = [.. from.Value, .. towards.Value, 0, facts];
                uint[] care = [.. from.Mask, .. towards.Mask, 0, mask];
                foreach (var source in sources)
                    foreach (var destination in destinations)
                        rows.Add(new FilterRow(number, value, care, source, destination));
            }
    }

    /// <summary>A row that matches everything.</summary>
    public static FilterRow Everything(uint number, bool v6) => new(number, new uint[v6 ? 10 : 4], new uint[v6 ? 10 : 4]);

    private static (uint Value, uint Mask) Facts(AclRule rule)
    {
        uint value = 0, mask = 0;
        if (rule.Protocol is { } protocol) (value, mask) = (protocol.Number, FilterKey.ProtocolMask);
        if (rule.FromPorts.Count > 0 || rule.ToPorts.Count > 0 || rule.IcmpType is not null)
        {
            value |= FilterKey.HasPorts;
            mask |= FilterKey.HasPorts;
        }

        if (rule.TcpFlags is { } flags)
        {
            value |= FilterKey.HasFlags | (uint)flags.Value << FilterKey.TcpFlagsShift;
            mask |= FilterKey.HasFlags | (uint)flags.Mask << FilterKey.TcpFlagsShift;
        }

        uint fragments = rule.Fragments switch { FragmentMatch.Later => FilterKey.LaterFragment, null => 0u, _ => FilterKey.Fragment };
        mask |= fragments;
        if (rule.Fragments != FragmentMatch.None) value |= fragments;
        return (value, mask);
    }

    private List<Prefix> Addresses(ValueList<AclAddress> list, bool v6)
    {
        var words = v6 ? 4 : 1;
        if (list.Count == 0) return [new Prefix(v6, new uint[words], new uint[words])];
        var found = new List<Prefix>();
        foreach (var address in list)
        {
            if (address.Prefix is { } prefix) AddPrefix(prefix, found);
            else found.AddRange(Group(address.Group!));
        }

        found.RemoveAll(p => p.V6 != v6);
        return found;
    }

    private List<Prefix> Group(string name)
    {
        if (_addresses.TryGetValue(name, out var known)) return known;
        // Known before it is filled: a loop, which the configuration refuses, ends here.
        var found = _addresses[name] = [];
        if (!groups.TryGetValue(name, out var group)) return found;
        foreach (var address in group.Addresses)
        {
            if (address.Prefix is { } prefix) AddPrefix(prefix, found);
            else if (Group(address.Group!) is var inner && inner != found) found.AddRange(inner);
        }

        return found;
    }

    private List<uint> Ports(ValueList<AclPort> list)
    {
        if (list.Count == 0) return [FilterPorts.Any];
        var found = new List<uint>();
        foreach (var port in list) AddPort(port, found);
        return found;
    }

    private void AddPort(AclPort port, List<uint> found)
    {
        if (port.Group is not { } name)
        {
            found.Add(FilterPorts.Pack(port.Low, port.High));
            return;
        }

        if (!_ports.TryGetValue(name, out var known))
        {
            known = _ports[name] = [];
            if (groups.TryGetValue(name, out var group))
                foreach (var inner in group.Ports)
                    if (inner.Group != name) AddPort(inner, known);
        }

        if (known != found) found.AddRange(known);
    }

    private static void AddPrefix(IpPrefix prefix, List<Prefix> found)
    {
        var v6 = prefix.Family == AddressFamily.InterNetworkV6;
        var bytes = prefix.Address.GetAddressBytes();
        var (value, mask) = (new uint[bytes.Length / 4], new uint[bytes.Length / 4]);
        for (var w = 0; w < value.Length; w++)
        {
            value[w] = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(w * 4));
            var bits = Math.Clamp(prefix.Length - w * 32, 0, 32);
            mask[w] = bits == 0 ? 0 : uint.MaxValue << (32 - bits);
        }

        found.Add(new Prefix(v6, value, mask));
    }
}
