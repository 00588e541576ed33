using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Filter;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>Rules of an interface with one row: what becomes of UDP, and of all else.</summary>
internal static unsafe class Reflecting
{
    public static void Attach(DataplaneControl control, uint index, FilterPoint point, FilterAction udp, FilterAction others)
    {
        FilterRow[] rows = [new FilterRow(0, [0, 0, 0, 17], [0, 0, 0, FilterKey.ProtocolMask])];
        FilterVerdict[] verdicts = [new FilterVerdict { Action = udp }, new FilterVerdict { Action = others }];
        control.Filtering.Attach(index, point, FilterCompiler.Compile<FilterIp4>(rows, verdicts, 1));
    }

    /// <summary>The same for IPv6.</summary>
    public static void Attach6(DataplaneControl control, uint index, FilterPoint point, FilterAction udp, FilterAction others)
    {
        FilterRow[] rows = [new FilterRow(0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 17], [0, 0, 0, 0, 0, 0, 0, 0, 0, FilterKey.ProtocolMask])];
        FilterVerdict[] verdicts = [new FilterVerdict { Action = udp }, new FilterVerdict { Action = others }];
        control.Filtering.Attach(index, point, FilterCompiler.Compile<FilterIp6>(rows, verdicts, control.Workers.Count));
    }
}
