using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Esp;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Io;

/// <summary>SAs between the two addresses that the benchmarks of ports use, AES-128-GCM, keys by chance.</summary>
internal static class BenchSa
{
    /// <summary>Installs one for traffic between two networks.</summary>
    internal static void Install(DataplaneControl control, uint number, string localTs, string remoteTs)
    {
        if (!TrafficSelector.TryParse(localTs, out var here) || !TrafficSelector.TryParse(remoteTs, out var there)) throw new UnreachableException();
        var key = RandomNumberGenerator.GetBytes(20);
        var result = control.Security.InstallSa(new SaInstall
        {
            Parameters = new ChildSaParameters
            {
                Id = new ChildSaId(number),
                IkeSa = new IkeSaId(number),
                Connection = new ConnectionName("bench"),
                Child = new ChildName($"net{number}"),
                InboundSpi = new Spi(0x1111_0000 + number),
                OutboundSpi = new Spi(0x2222_0000 + number),
                LocalAddress = IPAddress.Parse("198.51.100.1"),
                RemoteAddress = IPAddress.Parse("203.0.113.2"),
                Transforms = new EspTransforms(20, 128),
                InboundKey = default,
                OutboundKey = default,
                LocalSelectors = [here],
                RemoteSelectors = [there],
            },
            InboundKey = key,
            OutboundKey = key,
        });
        if (result != SaInstallResult.Installed) throw new InvalidOperationException($"The SA was not installed: {result}.");
    }
}
