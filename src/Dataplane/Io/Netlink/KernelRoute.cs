using System.Net;

namespace Gateway.Dataplane.Io.Netlink;

/// <summary>A route of the kernel.</summary>
/// <param name="Devices">Indices of all devices that it leaves through (several with multipath).</param>
/// <param name="IsKernels">Made by the kernel itself, as the connected route of an address: it comes and goes with its cause.</param>
/// <param name="Message">The kernel's own description (rtmsg and attributes), with which it can be put back as it was.</param>
internal sealed record KernelRoute(IPAddress Destination, int PrefixLength, IPAddress? Via, IReadOnlyList<int> Devices, uint Table, bool IsKernels, byte[] Message)
{
    public const uint MainTable = 254, LocalTable = 255;

    public bool IsDefault => PrefixLength == 0 && Table == MainTable;

    public override string ToString() => (PrefixLength == 0 ? "default" : $"{Destination}/{PrefixLength}") + (Via is null ? "" : $" via {Via}");
}
