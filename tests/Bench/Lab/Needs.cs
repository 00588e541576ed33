using Gateway.Bench.Harness;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;

namespace Gateway.Bench.Lab;

/// <summary>The programs of others that a suite runs. What is missing is installed where it can be (Debian, as root), else named.</summary>
internal static class Needs
{
    private const string Base = """
        ip       iproute2
        sysctl   procps
        ping     iputils-ping
        nft      nftables

        """;

    private const string Peer = """
        iperf3   iperf3
        swanctl  strongswan-swanctl
        /usr/lib/ipsec/charon strongswan-charon
        /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so libcharon-extra-plugins
        /usr/lib/ipsec/plugins/libstrongswan-curve25519.so libstrongswan-extra-plugins
        /usr/lib/ipsec/plugins/libstrongswan-gcm.so libstrongswan-standard-plugins

        """;

    /// <summary>Makes sure of namespaces; with a peer of strongSwan and iperf3 too.</summary>
    internal static void Ensure(bool withPeer)
    {
        if (!Environment.IsPrivilegedProcess) throw new NotHereException("needs root (CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN) to make network namespaces.");
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(GatewayProcess.Binary)!, "../../../../.."));
        var result = Shell.Try("bash", ["-c", $". {Path.Combine(root, "deploy/debian.sh")} && install_missing \"$1\"", "bench", withPeer ? Base + Peer : Base], 300);
        if (result.Output.Length > 0) Console.Error.Write(result.Output);
        if (!result.Ok) throw new NotHereException("lacks programs that could not be installed (above).");
    }

    /// <summary>The process of that name in a namespace.</summary>
    internal static int Process(Netns ns, string name) => Shell.Must("ip", ["netns", "pids", ns.Name])
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(int.Parse)
        .Single(id => File.ReadAllText($"/proc/{id}/comm").Trim() == name);
}
