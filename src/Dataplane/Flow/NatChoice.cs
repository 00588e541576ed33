namespace Gateway.Dataplane.Flow;

/// <summary>
/// Chooses the outside address and port of a new flow. The mapping depends on both ends (RFC 4787's address and port-dependent mapping): one outside port serves as many flows as there are remote ends.
/// A host keeps to one address of the pool while that has ports (RFC 4787 REQ-2), and to its own port when that is free.
/// </summary>
internal static class NatChoice
{
    /// <summary>Ports that are tried at one address before the next is.</summary>
    private const int Tries = 256;

    /// <summary>Addresses of a pool that are tried.</summary>
    private const int MaxAddresses = 4;

    /// <summary>False: no port is free for this remote end.</summary>
    /// <param name="key">The flow as it would leave untranslated, in the VRF into which it leaves.</param>
    /// <param name="masquerade">The address to use where the rule has none.</param>
    /// <param name="translated">The flow as it leaves.</param>
    public static bool TryChoose(SessionTable table, NatProgram program, NatSourceProgram rule, uint masquerade, in FlowKey key, int worker, int workers, Ike ike, out FlowKey translated)
    {
        var count = rule.Addresses.Length == 0 ? 1 : rule.Addresses.Length;
        var at = (int)((key.Source * 0x9E37_79B9u >> 8) % (uint)count);
        for (var i = 0; i < Math.Min(count, MaxAddresses); i++)
        {
            var address = rule.Addresses.Length == 0 ? masquerade : rule.Addresses[(at + i) % count];
            if (address != 0 && TryPort(table, program, address, rule.FirstPort, rule.LastPort, key, worker, workers, ike, out translated)) return true;
        }
        translated = default;
        return false;
    }

    /// <summary>Whether flows of a protocol are told apart by a port, or an identifier.</summary>
    public static bool HasPort(byte protocol) => protocol is 6 or 17 or 33 or 136 or 1;

    /// <summary>A free port of the blocks of a host, the oldest block first; false: it has none for this remote end.</summary>
    public static bool TryBlocks(SessionTable table, NatProgram program, BlockPool pool, HostBlocks host, in FlowKey key, int worker, int workers, Ike ike, out FlowKey translated)
    {
        foreach (var first in host.Firsts)
            if (TryPort(table, program, host.Outside, first, (ushort)(first + pool.Size - 1), key, worker, workers, ike, out translated)) return true;
        translated = default;
        return false;
    }

    /// <summary>A free port of one address.</summary>
    public static bool TryPort(SessionTable table, NatProgram program, uint address, ushort first, ushort last, in FlowKey key, int worker, int workers, Ike ike, out FlowKey translated)
    {
        if (!HasPort(key.Protocol))
        {
            translated = key.WithSource(address, key.SourcePort);
            return table.Find(translated.Reverse) == 0;
        }
        var width = last - first + 1;
        var port = key.SourcePort;
        var pool = program.IsPool(key.Vrf, address);
        // At an interface's address it is chance which worker gets the answers, and only ports of this one are looked up.
        var most = pool ? Math.Min(Tries, width + 1) : Tries * Math.Max(1, workers);
        for (var tries = 0; tries < most; tries++)
        {
            if (port >= first && port <= last && !(key.Protocol == 17 && ike.Takes(port)))
            {
                translated = key.WithSource(address, port);
                var reply = translated.Reverse;
                if (program.Owner(reply, workers) == worker && table.Find(reply) == 0) return true;
            }
            // RFC 6056 §3.3.2: at random, and from there one by one.
            port = tries == 0 || port >= last ? (ushort)(first + (tries == 0 ? table.Random((uint)width) : 0)) : (ushort)(port + 1);
            if (pool) port = NatProgram.NextOwn(port, last, worker, workers) is var own && own != 0 ? own : NatProgram.NextOwn(first, last, worker, workers) is var again && again != 0 ? again : port;
        }
        translated = default;
        return false;
    }

    /// <summary>Ports of the gateway's own IKE, which no flow may take.</summary>
    public readonly record struct Ike(ushort Port, ushort NatPort)
    {
        public bool Takes(ushort port) => port == Port || port == NatPort;
    }
}
