using System.Runtime.ExceptionServices;

namespace Gateway.Dataplane.Io;

/// <summary>Work that another thread does for a caller who waits.</summary>
internal static class Handover
{
    /// <summary>Gives the result of <paramref name="work"/>; an exception of the work is the caller's.</summary>
    /// <param name="leave">Leaves what it is given to the other thread, which does it once.</param>
    public static T Run<T>(Func<T> work, Action<Action> leave)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        using ManualResetEventSlim done = new();
        leave(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        failure?.Throw();
        return result;
    }
}
