using System.Globalization;
using Gateway.Interop.Net;

namespace Gateway.Interop.Io;

/// <summary>DPDK's testpmd with one memif port, which sends back what it receives.</summary>
internal static class Testpmd
{
    public const string Binary = "/usr/bin/dpdk-testpmd";

    /// <summary>Why it cannot run here; null when it can.</summary>
    public static string? Missing => File.Exists(Binary) ? null : "Needs dpdk-testpmd (Debian's packages dpdk-dev and librte-net-memif23).";

    /// <summary>Starts it; its log is on the process's output. It polls on one core until it is disposed.</summary>
    /// <param name="device">More words for the memif device, such as <c>role=client</c>.</param>
    public static BackgroundProcess Start(string socket, string device, int queues = 1, string forward = "io", int core = 0)
    {
        string lcores = string.Create(CultureInfo.InvariantCulture, $"0@{core},1@{core}");
        List<string> words =
        [
            "--lcores", lcores, "--main-lcore", "0", "--no-pci", "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry",
            "--vdev", $"net_memif0,id=0,rsize=10,bsize=2048,socket={socket},socket-abstract=no,{device}",
            "--", "--port-topology=loop", "--forward-mode=" + forward, "--nb-cores=1", "--total-num-mbufs=16384", "--rxd=1024", "--txd=1024", "--no-mlockall", "--no-flush-rx", "--auto-start", "--stats-period=1",
            string.Create(CultureInfo.InvariantCulture, $"--rxq={queues}"), string.Create(CultureInfo.InvariantCulture, $"--txq={queues}"),
        ];
        return new BackgroundProcess(Binary, words);
    }
}
